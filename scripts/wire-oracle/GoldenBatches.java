import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.utils.internals.ByteBufferOutputStream;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Random;

/**
 * Prints golden record batches, one JSON object a line, made by Kafka's MemoryRecordsBuilder: every case with every codec.
 * int64 values are decimal strings; keys, values and header values are base64 or null.
 */
public class GoldenBatches {
    static final JsonNodeFactory NODES = JsonNodeFactory.instance;
    static final long NOW = 1_795_000_000_000L;

    interface Filler {
        void fill(MemoryRecordsBuilder builder);
    }

    public static void main(String[] args) {
        for (CompressionType type : CompressionType.values()) {
            Compression codec = Compression.of(type).build();
            print("few", builder(codec, TimestampType.CREATE_TIME, 42), GoldenBatches::few);
            print("nulls and headers", builder(codec, TimestampType.CREATE_TIME, 0), GoldenBatches::nullsAndHeaders);
            print("many", builder(codec, TimestampType.CREATE_TIME, 1L << 40), GoldenBatches::many);
            print("incompressible", builder(codec, TimestampType.CREATE_TIME, 7), GoldenBatches::incompressible);
            print("repeats", builder(codec, TimestampType.CREATE_TIME, 7), b -> b.append(NOW, null, new byte[200_000]));
            print("wild timestamps", builder(codec, TimestampType.CREATE_TIME, 5), GoldenBatches::wildTimestamps);
            print("log append time", builder(codec, TimestampType.LOG_APPEND_TIME, 5), GoldenBatches::few);
            print("gaps", builder(codec, TimestampType.CREATE_TIME, 100), GoldenBatches::gaps);
            print("idempotent", builder(codec, 9_000_000_000L, (short) 3, 2_147_483_600, false, false), GoldenBatches::few);
            print("transactional", builder(codec, 77, (short) 0, 0, true, false), GoldenBatches::few);
        }
        Compression none = Compression.NONE;
        print("commit", builder(none, 77, (short) 1, -1, true, true),
            b -> b.appendEndTxnMarker(NOW, new EndTransactionMarker(ControlRecordType.COMMIT, 12)));
        print("abort", builder(none, 77, (short) 1, -1, true, true),
            b -> b.appendEndTxnMarker(NOW, new EndTransactionMarker(ControlRecordType.ABORT, 13)));
    }

    static MemoryRecordsBuilder builder(Compression codec, TimestampType timestampType, long baseOffset) {
        return new MemoryRecordsBuilder(new ByteBufferOutputStream(1024), RecordBatch.MAGIC_VALUE_V2, codec, timestampType, baseOffset, NOW + 999,
            RecordBatch.NO_PRODUCER_ID, RecordBatch.NO_PRODUCER_EPOCH, RecordBatch.NO_SEQUENCE, false, false, 6, 1 << 26);
    }

    static MemoryRecordsBuilder builder(Compression codec, long producerId, short epoch, int sequence, boolean isTransactional, boolean isControl) {
        return new MemoryRecordsBuilder(new ByteBufferOutputStream(1024), RecordBatch.MAGIC_VALUE_V2, codec, TimestampType.CREATE_TIME, 1000,
            RecordBatch.NO_TIMESTAMP, producerId, epoch, sequence, isTransactional, isControl, -1, 1 << 26);
    }

    static void few(MemoryRecordsBuilder builder) {
        builder.append(NOW, bytes("key"), bytes("value"));
        builder.append(NOW + 1, bytes("k\u00e9y"), bytes("v\u00e4lue \u4e16\u754c \ud83c\udfae"));
        builder.append(NOW + 70_000, bytes(""), bytes("x".repeat(300)));
    }

    static void nullsAndHeaders(MemoryRecordsBuilder builder) {
        builder.append(NOW, null, bytes("no key"));
        builder.append(NOW, bytes("tombstone"), null);
        builder.append(NOW, (byte[]) null, (byte[]) null);
        builder.append(NOW, bytes(""), bytes(""));
        builder.append(NOW, bytes("h"), bytes("v"), new Header[] {new RecordHeader("a", bytes("1")), new RecordHeader("", null),
            new RecordHeader("\u00fc\ud83c\udfae", bytes("")), new RecordHeader("a", bytes("twice".repeat(50)))});
    }

    static void many(MemoryRecordsBuilder builder) {
        for (int i = 0; i < 2500; i++) {
            String value = "{\"user\":" + (i * 7919 % 4001) + ",\"event\":\"page_view\",\"url\":\"/games/" + i % 50 + "\"}";
            builder.append(NOW + i * 3L, i % 4 == 0 ? null : bytes("user-" + i % 97), bytes(value));
        }
    }

    static void incompressible(MemoryRecordsBuilder builder) {
        byte[] noise = new byte[5_000];
        new Random(5).nextBytes(noise);
        builder.append(NOW, null, noise);
    }

    static void wildTimestamps(MemoryRecordsBuilder builder) {
        for (long timestamp : new long[] {NOW, 0, NOW - 1, (1L << 48) + NOW, (1L << 53) + 1, Long.MAX_VALUE - NOW, Long.MAX_VALUE}) {
            builder.append(timestamp, null, bytes("t"));
        }
    }

    static void gaps(MemoryRecordsBuilder builder) {
        for (long offset : new long[] {100, 101, 105, 400, 100_000}) builder.appendWithOffset(offset, NOW, bytes("k"), bytes("v" + offset));
    }

    static void print(String name, MemoryRecordsBuilder builder, Filler filler) {
        filler.fill(builder);
        MemoryRecords records = builder.build();
        ByteBuffer buffer = records.buffer().duplicate();
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        for (RecordBatch batch : records.batches()) {
            ObjectNode line = NODES.objectNode().put("name", name).put("codec", batch.compressionType().name);
            line.set("header", header(batch));
            ArrayNode list = line.putArray("records");
            for (Record record : batch) list.add(record(record));
            System.out.println(line.put("hex", HexFormat.of().formatHex(bytes)));
        }
    }

    static ObjectNode header(RecordBatch batch) {
        return NODES.objectNode().put("baseOffset", "" + batch.baseOffset()).put("lastOffset", "" + batch.lastOffset())
            .put("leaderEpoch", batch.partitionLeaderEpoch()).put("magic", batch.magic()).put("crc", batch.checksum())
            .put("maxTimestamp", "" + batch.maxTimestamp()).put("timestampType", batch.timestampType().name)
            .put("producerId", "" + batch.producerId()).put("producerEpoch", batch.producerEpoch()).put("baseSequence", batch.baseSequence())
            .put("recordCount", batch.countOrNull()).put("sizeBytes", batch.sizeInBytes())
            .put("isTransactional", batch.isTransactional()).put("isControl", batch.isControlBatch());
    }

    static ObjectNode record(Record record) {
        ObjectNode node = NODES.objectNode().put("offset", "" + record.offset()).put("timestamp", "" + record.timestamp())
            .put("key", base64(record.key())).put("value", base64(record.value()));
        ArrayNode headers = node.putArray("headers");
        for (Header header : record.headers()) {
            headers.addObject().put("name", header.key()).put("value", header.value() == null ? null : Base64.getEncoder().encodeToString(header.value()));
        }
        return node;
    }

    static String base64(ByteBuffer buffer) {
        if (buffer == null) return null;
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return Base64.getEncoder().encodeToString(bytes);
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
