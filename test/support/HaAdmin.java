import java.io.BufferedReader;
import java.io.InputStreamReader;
import org.apache.hadoop.hdfs.HdfsConfiguration;
import org.apache.hadoop.hdfs.tools.DFSHAAdmin;
import org.apache.hadoop.util.ToolRunner;

/** Hadoop's own `hdfs haadmin`, once for each line of arguments on standard input; answers each with `exit CODE`. */
public class HaAdmin {
  public static void main(String[] args) throws Exception {
    var lines = new BufferedReader(new InputStreamReader(System.in));
    for (var line = lines.readLine(); line != null; line = lines.readLine()) {
      int code = ToolRunner.run(new HdfsConfiguration(), new DFSHAAdmin(), line.split(" "));
      System.out.println("exit " + code);
    }
    System.exit(0);
  }
}
