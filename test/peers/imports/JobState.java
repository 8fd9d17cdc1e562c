package org.apache.gobblin.runtime;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.io.Text;
import org.apache.hadoop.io.Writable;

/** A job's state as Gobblin's class of this name writes it; for fixtures only. */
public class JobState {
  public static class DatasetState implements Writable {
    private final String jobName;
    /** Of each task: the work unit's properties and its own. */
    private final List<List<Map<String, String>>> tasks;

    public DatasetState(String jobName, List<List<Map<String, String>>> tasks) {
      this.jobName = jobName;
      this.tasks = tasks;
    }

    @Override
    public void write(DataOutput out) throws IOException {
      Text.writeString(out, jobName);
      Text.writeString(out, "job_" + jobName + "_1763730000000");
      for (long time : new long[] {1763730000000L, 1763730060000L, 60000L}) out.writeLong(time);
      Text.writeString(out, "COMMITTED");
      out.writeInt(tasks.size());
      out.writeInt(tasks.size());
      for (List<Map<String, String>> task : tasks) {
        Text.writeString(out, "job_" + jobName + "_1763730000000");
        Text.writeString(out, "task_" + jobName + "_1763730000000_0");
        for (long time : new long[] {1763730000000L, 1763730060000L, 60000L}) out.writeLong(time);
        writeProperties(out, task.get(0));
        writeProperties(out, Map.of("extract.table.name", "größe"));
        writeProperties(out, task.get(1));
      }
      out.writeInt(0); // previous work unit states
      writeProperties(out, Map.of("dataset.urn", ""));
    }

    private static void writeProperties(DataOutput out, Map<String, String> properties) throws IOException {
      out.writeInt(properties.size());
      for (Map.Entry<String, String> entry : properties.entrySet()) {
        Text.writeString(out, entry.getKey());
        Text.writeString(out, entry.getValue());
      }
    }

    @Override
    public void readFields(DataInput in) {
      throw new UnsupportedOperationException();
    }
  }
}
