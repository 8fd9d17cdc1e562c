import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;

import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;

/** Reads a file of record batches as Kafka does, checksums included, and prints one JSON object per record. */
public class ReadBatches {
    public static void main(String[] args) throws Exception {
        MemoryRecords records = MemoryRecords.readableRecords(ByteBuffer.wrap(Files.readAllBytes(Path.of(args[0]))));
        for (MutableRecordBatch batch : records.batches()) {
            batch.ensureValid();
            for (Record record : batch) {
                record.ensureValid();
                ObjectNode line = JsonNodeFactory.instance.objectNode().put("offset", "" + record.offset()).put("timestamp", "" + record.timestamp())
                    .put("codec", batch.compressionType().name).put("key", base64(record.key())).put("value", base64(record.value()));
                line.put("headers", record.headers().length);
                System.out.println(line);
            }
        }
    }

    static String base64(ByteBuffer buffer) {
        if (buffer == null) return null;
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return Base64.getEncoder().encodeToString(bytes);
    }
}
