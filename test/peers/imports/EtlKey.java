package com.linkedin.camus.etl.kafka.common;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import org.apache.hadoop.io.LongWritable;
import org.apache.hadoop.io.MapWritable;
import org.apache.hadoop.io.Text;
import org.apache.hadoop.io.WritableComparable;

/** What Camus keeps of a partition, field by field as its own class of this name writes it; for fixtures only. */
public class EtlKey implements WritableComparable<EtlKey> {
  private final String topic;
  private final int partition;
  private final long beginOffset;
  private final long offset;

  public EtlKey(String topic, int partition, long beginOffset, long offset) {
    this.topic = topic;
    this.partition = partition;
    this.beginOffset = beginOffset;
    this.offset = offset;
  }

  @Override
  @SuppressWarnings("deprecation")
  public void write(DataOutput out) throws IOException {
    org.apache.hadoop.io.UTF8.writeString(out, "3");
    out.writeInt(partition);
    out.writeLong(beginOffset);
    out.writeLong(offset);
    out.writeLong(0xCAFEBABEL);
    out.writeUTF(topic);
    out.writeLong(1763730000000L);
    out.writeUTF("");
    out.writeUTF("");
    MapWritable map = new MapWritable();
    map.put(new Text("message.size"), new LongWritable(180));
    map.write(out);
  }

  @Override
  public void readFields(DataInput in) {
    throw new UnsupportedOperationException();
  }

  @Override
  public int compareTo(EtlKey other) {
    return Long.compare(offset, other.offset);
  }
}
