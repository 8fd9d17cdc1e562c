import com.linkedin.camus.etl.kafka.common.EtlKey;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.gobblin.runtime.JobState.DatasetState;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.io.NullWritable;
import org.apache.hadoop.io.SequenceFile;
import org.apache.hadoop.io.SequenceFile.CompressionType;
import org.apache.hadoop.io.Text;
import org.apache.hadoop.io.compress.DefaultCodec;

/** Writes a Camus history and a Gobblin state store with Hadoop's own SequenceFile:  WriteStates FOLDER TOPIC NEXT0 NEXT1 ... */
public class WriteStates {
  private static final Configuration conf = new Configuration();

  public static void main(String[] args) throws IOException {
    long[] next = new long[args.length - 2];
    for (int i = 0; i < next.length; i++) next[i] = Long.parseLong(args[i + 2]);
    camus(args[0] + "/camus", args[1], next);
    gobblin(args[0] + "/gobblin", args[1], next);
  }

  /** An old execution, the one that counts (in all three forms of the file), and one that never ended. */
  private static void camus(String folder, String topic, long[] next) throws IOException {
    keys(folder + "/2026-11-20-01-00-00/offsets-m-00000", CompressionType.NONE, topic, next, 5, true);
    keys(folder + "/2026-11-21-01-00-00/offsets-previous", CompressionType.NONE, topic, next, 3, true);
    keys(folder + "/2026-11-21-01-00-00/offsets-m-00000", CompressionType.RECORD, topic, next, 0, true);
    keys(folder + "/2026-11-21-01-00-00/offsets-m-00001", CompressionType.BLOCK, topic, next, 0, false);
    new Path(folder, "2026-11-21-02-00-00/counts").getFileSystem(conf).create(new Path(folder, "2026-11-21-02-00-00/counts")).close();
  }

  /** Keys of the even or of the odd partitions, `behind` offsets behind the position, and of another topic. */
  private static void keys(String path, CompressionType type, String topic, long[] next, long behind, boolean even) throws IOException {
    try (SequenceFile.Writer writer = SequenceFile.createWriter(conf, SequenceFile.Writer.file(new Path(path)),
        SequenceFile.Writer.keyClass(EtlKey.class), SequenceFile.Writer.valueClass(NullWritable.class),
        SequenceFile.Writer.compression(type, new DefaultCodec()))) {
      for (int partition = 0; partition < next.length; partition++) {
        if ((partition % 2 == 0) == even || behind > 0) writer.append(new EtlKey(topic, partition, 0, next[partition] - behind), NullWritable.get());
      }
      for (int i = 0; i < 500; i++) writer.append(new EtlKey("other", i, 0, 1_000_000 + i), NullWritable.get()); // beyond a sync mark
    }
  }

  /** A packed work unit with the even partitions, single ones with the odd ones, the last of which has failed. */
  private static void gobblin(String folder, String topic, long[] next) throws IOException {
    List<List<Map<String, String>>> tasks = new ArrayList<>();
    Map<String, String> packed = new java.util.TreeMap<>(Map.of("topic.name", topic));
    StringBuilder values = new StringBuilder();
    for (int partition = 0, i = 0; partition < next.length; partition += 2, i++) {
      packed.put("partition.id." + i, String.valueOf(partition));
      values.append(i == 0 ? "" : ",").append(next[partition]);
    }
    tasks.add(List.of(packed, Map.of("workunit.working.state", "COMMITTED",
        "workunit.state.actual.high.water.mark", "{\"values\":[" + values + "]}")));
    for (int partition = 1; partition < next.length; partition += 2) {
      Map<String, String> unit = Map.of("topic.name", topic, "partition.id", String.valueOf(partition), "watermark.interval.value",
          "{\"low.watermark.to.json\":{\"values\":[" + next[partition] + "]},\"expected.watermark.to.json\":{\"values\":[99999]}}");
      tasks.add(List.of(unit, Map.of("workunit.working.state", "FAILED")));
    }
    tasks.add(List.of(Map.of("topic.name", "other", "partition.id", "0"), Map.of()));
    for (String name : new String[] {"current.jst", "job_events_1763730000000.jst"}) {
      try (SequenceFile.Writer writer = SequenceFile.createWriter(conf, SequenceFile.Writer.file(new Path(folder + "/EventsJob/" + name)),
          SequenceFile.Writer.keyClass(Text.class), SequenceFile.Writer.valueClass(DatasetState.class),
          SequenceFile.Writer.compression(CompressionType.BLOCK, new DefaultCodec()))) {
        writer.append(new Text("job_EventsJob"), new DatasetState("EventsJob", tasks));
      }
    }
  }
}
