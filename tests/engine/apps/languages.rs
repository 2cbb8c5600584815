//! Python, Node.js, Java, PHP, Ruby and .NET: a small program in each that does over HTTP what breaks first in slimmed
//! images: TLS, a database, a library looked up by name, a child process.

use crate::docker::{Container, Context, fixture};

use super::{App, DEBIAN_12, DEBIAN_13, DEBIAN_DOTNET, DEBIAN_NGINX, DROPS, assert_absent, curl, eventually, host};

#[test]
fn python() {
    App {
        name: "python",
        base: DEBIAN_12,
        policy: r#"
profile = "python"

[run]
user = "app:1000"
command = ["python3", "/app/main.py"]

[keep]
commands = [{ name = "ldconfig", reason = "ctypes.util.find_library asks it" }]

[files]
read-only = ["/app"]

[check]
tcp = 8443
"#,
        dockerfile: r#"
RUN openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=test -keyout /srv/key.pem -out /srv/cert.pem && chmod 644 /srv/key.pem
COPY main.py /app/
USER 1000:1000
ENTRYPOINT ["python3", "/app/main.py"]
"#,
        context: Context::new().file("main.py", 0o644, PYTHON),
    }
    .serves(|built| {
        let container = built.start(&[]);
        let page = curl(&container, "https", "8443/");
        assert!(page.starts_with("hello from 3 rows, libc.so.6 says "), "{page}");
        assert_eq!(container.ids(), (1000, 1000));
        assert_absent(&container, &["sh", "bash", "apt", "perl", "openssl"]);
    });
}

const PYTHON: &str = r#"
import ctypes, ctypes.util, http.server, sqlite3, ssl

database = sqlite3.connect("/tmp/rows.db", check_same_thread=False)
database.execute("CREATE TABLE rows (n)")
database.executemany("INSERT INTO rows VALUES (?)", [(1,), (2,), (3,)])
database.commit()

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        (rows,) = database.execute("SELECT count(*) FROM rows").fetchone()
        name = ctypes.util.find_library("c")
        body = f"hello from {rows} rows, {name} says {ctypes.CDLL(name).getpid()}\n".encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

server = http.server.HTTPServer(("", 8443), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/srv/cert.pem", "/srv/key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"#;

#[test]
fn node() {
    App {
        name: "node",
        base: DEBIAN_12,
        policy: r#"
profile = "node"

[run]
user = "app:1000"
command = ["node", "/app/server.js"]

[keep]
commands = [{ name = "uname", reason = "the program starts it" }]

[check]
tcp = 8080
"#,
        dockerfile: r#"
COPY server.js /app/
USER 1000:1000
ENTRYPOINT ["node", "/app/server.js"]
"#,
        context: Context::new().file("server.js", 0o644, NODE),
    }
    .serves(|built| {
        let container = built.start(&[]);
        assert_eq!(curl(&container, "http", "8080/"), "hello: Linux\n");
        assert_eq!(container.ids(), (1000, 1000));
        assert_absent(&container, &["sh", "bash", "apt", "perl", "python3"]);
    });
}

const NODE: &str = r#"
const { execFile } = require("child_process");
require("http").createServer((request, response) => {
  // Locale data and zlib on the way.
  if (new Intl.NumberFormat("de").format(1.5) !== "1,5") throw new Error("no locale data");
  execFile("uname", (error, out) => response.end(error ? `failed: ${error}\n` : `hello: ${out}`));
}).listen(8080);
"#;

#[test]
fn java() {
    App {
        name: "java",
        base: DEBIAN_13,
        policy: r#"
profile = "java"

[run]
user = "app:1000"
command = ["java", "-cp", "/app", "Main"]

[keep]
commands = [{ name = "uname", reason = "the program starts it" }]

[check]
tcp = 8080
"#,
        dockerfile: r#"
COPY Main.java /app/
RUN java -cp '/usr/share/java/*' org.eclipse.jdt.internal.compiler.batch.Main -17 -d /app /app/Main.java
USER 1000:1000
ENTRYPOINT ["java", "-cp", "/app", "Main"]
"#,
        context: Context::new().file("Main.java", 0o644, JAVA),
    }
    .serves(|built| {
        let container = built.start(&[]);
        assert_eq!(curl(&container, "http", "8080/"), "hello: Linux, some roots\n");
        assert_eq!(container.ids(), (1000, 1000));
        assert_absent(&container, &["sh", "bash", "apt", "perl", "keytool", "ecj"]);
    });
}

const JAVA: &str = r#"
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.security.KeyStore;
import javax.net.ssl.*;

public class Main {
    public static void main(String[] args) throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress(8080), 0);
        server.createContext("/", exchange -> {
            String body;
            try {
                Process child = new ProcessBuilder("uname").start();
                String name = new String(child.getInputStream().readAllBytes()).trim();
                TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
                factory.init((KeyStore) null);
                X509TrustManager manager = (X509TrustManager) factory.getTrustManagers()[0];
                body = "hello: " + name + (manager.getAcceptedIssuers().length > 50 ? ", some roots" : ", no roots") + "\n";
            } catch (Exception error) {
                body = "failed: " + error + "\n";
            }
            exchange.sendResponseHeaders(200, body.length());
            exchange.getResponseBody().write(body.getBytes());
            exchange.close();
        });
        server.start();
    }
}
"#;

#[test]
fn php_fpm() {
    App {
        name: "php-fpm",
        base: DEBIAN_13,
        policy: r#"
profile = "php-fpm"

[run]
user = "www-data"
start = "root"
command = ["docker-php-entrypoint", "php-fpm8.4", "-F", "-O"]

[check]
commands = ["php-fpm8.4 -t"]
tcp = 9000
"#,
        dockerfile: r#"
RUN mkdir -p /run/php
COPY docker-php-entrypoint /usr/local/bin/
COPY pool.conf /etc/php/8.4/fpm/pool.d/www.conf
COPY index.php /srv/www/
ENTRYPOINT ["docker-php-entrypoint"]
CMD ["php-fpm8.4", "-F", "-O"]
"#,
        context: Context::new()
            .file("docker-php-entrypoint", 0o755, "#!/bin/sh\nset -e\nif [ \"${1#-}\" != \"$1\" ]; then\n    set -- php-fpm8.4 \"$@\"\nfi\nexec \"$@\"\n")
            .file(
                "pool.conf",
                0o644,
                "[global]\nerror_log = /proc/self/fd/2\n\n[www]\nuser = www-data\ngroup = www-data\nlisten = 9000\npm = static\npm.max_children = 2\ncatch_workers_output = yes\n",
            )
            .file(
                "index.php",
                0o644,
                "<?php header('Content-Type: text/plain'); echo json_encode(['hello' => posix_getuid(), 'opcache' => extension_loaded('Zend OPcache'), 'time' => (new DateTime('2024-07-01', new DateTimeZone('Europe/Vienna')))->format('P')]), \"\\n\";\n",
            ),
    }
    .serves(|built| {
        let fpm = built.start(&DROPS);
        // nginx in a container of its own, as the official image is used.
        let config = format!(
            "events {{}} http {{ server {{ listen 8080; location / {{ include /etc/nginx/fastcgi_params;
             fastcgi_param SCRIPT_FILENAME /srv/www/index.php; fastcgi_pass {}:9000; }} }} }}",
            fpm.address()
        );
        let script = format!("printf '%s' '{config}' >/tmp/nginx.conf && exec nginx -c /tmp/nginx.conf -g 'daemon off;'");
        let nginx = Container::start(DEBIAN_NGINX, &[], &["sh", "-c", &script]);
        assert_eq!(
            curl(&nginx, "http", "8080/"),
            "{\"hello\":33,\"opcache\":true,\"time\":\"+02:00\"}\n",
            "{}",
            fpm.logs()
        );
        assert_absent(&fpm, &["bash", "apt", "perl", "php"]);
    });
}

#[test]
fn ruby() {
    App {
        name: "ruby",
        base: DEBIAN_12,
        policy: r#"
profile = "ruby"

[run]
user = "app:1000"
command = ["ruby", "/app/main.rb"]

[keep]
commands = [{ name = "uname", reason = "the program starts it" }]

[check]
tcp = 8080
"#,
        dockerfile: r#"
COPY main.rb /app/
USER 1000:1000
ENTRYPOINT ["ruby", "/app/main.rb"]
"#,
        context: Context::new().file("main.rb", 0o644, RUBY),
    }
    .serves(|built| {
        let container = built.start(&[]);
        assert_eq!(curl(&container, "http", "8080/"), "{\"hello\":\"Linux\",\"digest\":\"2cf24dba\"}\n");
        assert_eq!(container.ids(), (1000, 1000));
        assert_absent(&container, &["sh", "bash", "apt", "perl", "irb", "gem"]);
    });
}

const RUBY: &str = r#"
require "json"
require "openssl"
require "open3"
require "socket"
server = TCPServer.new(8080)
loop do
  client = server.accept
  while (line = client.gets) && line != "\r\n"; end
  name, = Open3.capture2("uname")
  body = JSON.generate(hello: name.strip, digest: OpenSSL::Digest.hexdigest("SHA256", "hello")[0, 8]) + "\n"
  client.write "HTTP/1.0 200 OK\r\nContent-Length: #{body.bytesize}\r\n\r\n#{body}"
  client.close
end
"#;

#[test]
fn dotnet() {
    App {
        name: "dotnet",
        base: DEBIAN_DOTNET,
        policy: r#"
profile = "dotnet"

[run]
user = "app:1000"
command = ["dotnet", "/app/MyApp.dll"]

[keep]
commands = [{ name = "uname", reason = "the program starts it" }]

[check]
tcp = 8080
"#,
        dockerfile: r#"
COPY app /app
USER 1000:1000
ENTRYPOINT ["dotnet", "/app/MyApp.dll"]
"#,
        context: Context::new().add(&fixture("dotnet/app"), "app"),
    }
    .serves(|built| {
        let container = built.start(&[]);
        let page = curl(&container, "http", "8080/");
        assert!(page.starts_with("Hello from "), "{page}");
        let address = container.address();
        let exec = |program: &str| {
            let url = format!("http://{address}:8080/exec/{program}");
            eventually(&container, || host("curl", &["-sS", "--max-time", "10", &url]))
        };
        let answer = exec("uname");
        assert!(answer.contains("Linux"), "{answer}");
        if !container.learns {
            let answer = exec("id");
            assert!(answer.starts_with("ENOENT"), "{answer}");
        }
        assert_eq!(container.ids(), (1000, 1000));
        assert_absent(&container, &["sh", "bash", "apt", "perl", "wget"]);
    });
}
