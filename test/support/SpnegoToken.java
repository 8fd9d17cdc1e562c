import java.security.PrivilegedExceptionAction;
import java.util.Base64;
import java.util.Map;
import javax.security.auth.Subject;
import javax.security.auth.login.AppConfigurationEntry;
import javax.security.auth.login.Configuration;
import javax.security.auth.login.LoginContext;
import org.ietf.jgss.GSSContext;
import org.ietf.jgss.GSSManager;
import org.ietf.jgss.GSSName;
import org.ietf.jgss.Oid;

/** Prints a SPNEGO token for HTTP@host: what a user may name as `command` where curl cannot do it. Args: principal keytab host. */
public class SpnegoToken {
  public static void main(String[] args) throws Exception {
    var options = Map.of("useKeyTab", "true", "keyTab", args[1], "principal", args[0], "doNotPrompt", "true");
    var configuration = new Configuration() {
      @Override public AppConfigurationEntry[] getAppConfigurationEntry(String name) {
        var required = AppConfigurationEntry.LoginModuleControlFlag.REQUIRED;
        return new AppConfigurationEntry[] {new AppConfigurationEntry("com.sun.security.auth.module.Krb5LoginModule", required, options)};
      }
    };
    var login = new LoginContext("token", null, null, configuration);
    login.login();
    byte[] token = Subject.doAs(login.getSubject(), (PrivilegedExceptionAction<byte[]>) () -> {
      var manager = GSSManager.getInstance();
      var service = manager.createName("HTTP@" + args[2], GSSName.NT_HOSTBASED_SERVICE);
      var context = manager.createContext(service, new Oid("1.3.6.1.5.5.2"), null, GSSContext.DEFAULT_LIFETIME);
      context.requestMutualAuth(true);
      return context.initSecContext(new byte[0], 0, 0);
    });
    System.out.println(Base64.getEncoder().encodeToString(token));
  }
}
