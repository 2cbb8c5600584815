//! Programs that compiled classes and assemblies start, hand-made and from real compilers: tests/data/compiled has the sources.
//! `javac --release 8` and `javac` of OpenJDK 17 made the archives, `mcs` of Mono 6.8 the assemblies.

use crate::common::Rootfs;

/// Names of programs that are words too. Those that the sources give to a call that starts programs come first; others are
/// printed, compared, or further arguments.
const STARTED: &str =
    "find id groups tail date sort fold head cut expand expr split file reset clear look host install link env";
const OTHER: &str = "line users name sum more time locale batch at info";

#[test]
fn words_that_real_code_gives_to_a_call_count_and_no_others() {
    for (file, run, more) in [
        ("java8.jar", "/usr/bin/java -jar /app/java8.jar", "join dir arch test"),
        ("java17.jar", "/usr/bin/java -jar /app/java17.jar", "join dir arch test"),
        ("Program.dll", "/usr/bin/dotnet /app/Program.dll", "join dir arch"),
    ] {
        words(file, run, &format!("{STARTED} {more}"), OTHER);
    }
}

/// The same of functions as objects, of members of a class above, of interfaces, and of lists that another method fills.
#[test]
fn words_that_reach_a_call_through_functions_and_interfaces_count() {
    let started = "find sort date id tail cut arch fold expand join install batch more link look host split expr sum env file \
        groups dir";
    words("functions.jar", "/usr/bin/java -jar /app/functions.jar", started, "line users time locale name at");
    let more = format!("{started} head reset");
    words("Functions.dll", "/usr/bin/dotnet /app/Functions.dll", &more, "line users time locale name info");
}

/// Which of the words, all names of programs, are found in a file that runs.
fn words(file: &str, run: &str, started: &str, other: &str) {
    let bytes = std::fs::read(format!("{}/tests/data/compiled/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let split = |list: &str| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let paths = split(&format!("{started} {other}")).into_iter().map(|name| format!("/usr/bin/{name}"));
    let paths: Vec<String> = paths.chain(["java", "dotnet"].map(|name| format!("/usr/bin/{name}"))).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let tree = Rootfs::debian_like().programs(&paths).file(format!("/app/{file}"), 0o644, 0, 0, bytes);
    let refused = tree.refuse(&["--user", "app:1000:1000", "--command", run]);
    let named = |name: &String| refused.run.stderr.contains(&format!("\"{name}\""));
    let missing: Vec<String> = split(started).into_iter().filter(|name| !named(name)).collect();
    let wrong: Vec<String> = split(other).into_iter().filter(named).collect();
    assert!(missing.is_empty() && wrong.is_empty(), "{file}: {missing:?} {wrong:?}: {}", refused.run.stderr);
}

/// The strings of the application's own classes that start programs, and of no others.
#[test]
fn what_java_classes_start_is_refused() {
    let jar = zip(&[
        ("META-INF/MANIFEST.MF", b"Main-Class: com.ex.Main\r\n".to_vec()),
        ("com/ex/Main.class", class("com/ex/Main", &["java/lang/ProcessBuilder"], &["curl", "-s", "sort"])),
        ("com/ex/User.class", class("com/ex/User", &["com/ex/Main"], &["find"])),
        ("com/ex/Other.class", class("com/ex/Other", &["java/lang/Thread"], &["sed"])),
        ("org/lib/Starter.class", class("org/lib/Starter", &["java/lang/ProcessBuilder"], &["sed"])),
    ]);
    let tree = || {
        Rootfs::debian_like().programs(&["/usr/bin/curl", "/usr/bin/find", "/usr/bin/sed", "/usr/bin/java"]).file(
            "/app/app.jar",
            0o644,
            0,
            0,
            &jar,
        )
    };
    let command = ["--user", "app:1000:1000", "--command", "/usr/bin/java -jar /app/app.jar"];
    tree().refuse(&command).says(&["'/app/app.jar'", "'curl'"]);
    // Offsets count from the archive's beginning, behind a script that starts it.
    let behind = [&b"#!/bin/sh\nexec java -jar \"$0\"\n"[..], &jar].concat();
    tree().file("/app/app.jar", 0o644, 0, 0, behind).refuse(&command).says(&["'/app/app.jar'", "'curl'"]);
    let done = tree().apply_config("[keep]\ncommands = ['curl', 'find']\n", &command);
    done.assert_gone(&["/usr/bin/sed"]);
}

/// A main class of a class path: in a directory, with its neighbours, or in an archive that names none.
#[test]
fn what_classes_of_a_class_path_start_is_refused() {
    let class = |name: &str, strings: &[&str]| class(name, &["java/lang/ProcessBuilder"], strings);
    let base = || Rootfs::debian_like().programs(&["/usr/bin/curl", "/usr/bin/sed", "/usr/bin/java"]);
    let of = |path: &str, bytes: Vec<u8>| base().file(path, 0o644, 0, 0, bytes);
    let archive = zip(&[("com/ex/Main.class", class("com/ex/Main", &["curl"]))]);
    let other = zip(&[("org/lib/Starter.class", class("org/lib/Starter", &["sed"]))]);
    for (tree, run) in [
        (of("/app/Main.class", class("Main", &["curl"])), "-cp /app Main"),
        (of("/app/Main.class", class("Main", &["curl"])), "-classpath /none:/app -Dx=y Main"),
        (of("/app/com/ex/Main.class", class("com/ex/Main", &["curl"])), "--class-path=/app com.ex.Main"),
        (
            of("/app/com/ex/b/Helper.class", class("com/ex/b/Helper", &["curl"]))
                .file("/app/com/ex/a/Main.class", 0o644, 0, 0, class("com/ex/a/Main", &[]))
                .file("/app/org/Other.class", 0o644, 0, 0, class("org/Other", &["sed"])),
            "-cp /app com.ex.a.Main",
        ),
        (
            of("/app/app.jar", archive.clone()).file("/app/lib.jar", 0o644, 0, 0, other.clone()),
            "-cp /app/app.jar:/app/lib.jar com.ex.Main",
        ),
        (of("/app/lib/app.jar", archive).file("/app/lib/lib.jar", 0o644, 0, 0, other), "-cp /app/lib/* com.ex.Main"),
    ] {
        let command = format!("[\"/usr/bin/java\", \"{}\"]", run.replace(' ', "\", \""));
        let refused = tree.refuse(&["--user", "app:1000:1000", "--command", &command]);
        assert!(!refused.run.stderr.contains("'sed'"), "{run}: {}", refused.run.stderr);
        refused.says(&["'curl'"]);
        let command = ["--user", "app:1000:1000", "--command", &command];
        tree.apply_config("[keep]\nfrom-scripts = true\n", &command).assert_same(&["/usr/bin/curl"]);
    }
}

/// What a script gives to java is read as well, by its variables and the directory that it changes to.
#[test]
fn what_classes_that_a_script_starts_start_is_refused() {
    let class = class("com/ex/Main", &["java/lang/ProcessBuilder"], &["curl"]);
    let archive = zip(&[("com/ex/Main.class", class.clone())]);
    let jar =
        zip(&[("META-INF/MANIFEST.MF", b"Main-Class: com.ex.Main\r\n".to_vec()), ("com/ex/Main.class", class.clone())]);
    for script in [
        "exec java -jar /app/run.jar",
        "JAR=/app/run.jar\nexec java $JAVA_OPTS -jar \"$JAR\" \"$@\"",
        "exec java -cp '/app/lib/*' com.ex.Main",
        "CP=/none:/app/lib/app.jar\nexec gosu app java -Xmx1g -cp \"$CP\" com.ex.Main \"$@\"",
        "export CLASSPATH=/app/classes\njava com.ex.Main",
        "cd /app\njava -cp 'lib/*' com.ex.Main",
        "sh -c 'java -cp /app/classes com.ex.Main'",
        "LINE='java -cp /app/classes com.ex.Main'\nexec $LINE",
        "args=(-Xmx1g -cp /app/classes)\nexec java \"${args[@]}\" com.ex.Main",
        "exec java -cp /app/classes \"$@\"",
        "exec java -p /app/lib -m mod/com.ex.Main",
        "run() { exec java -cp /app/classes com.ex.Main \"$@\"; }\nrun x",
        // The scripts that build tools write.
        "APP_HOME=$( cd -P \"${APP_HOME:-./}..\" && pwd -P ) || exit\nCLASSPATH=$APP_HOME/lib/app.jar:$APP_HOME/lib/x.jar\n\
         JAVACMD=$JAVA_HOME/bin/java\nset -- -Dx=y -classpath \"$CLASSPATH\" com.ex.Main \"$@\"\nexec \"$JAVACMD\" \"$@\"",
        "BASEDIR=`cd \"$PRGDIR/..\" >/dev/null; pwd`\nREPO=\"$BASEDIR\"/lib\nCLASSPATH=\"$BASEDIR\"/etc:\"$REPO\"/app.jar\n\
         exec \"$JAVACMD\" $JAVA_OPTS -classpath \"$CLASSPATH\" -Dapp.name=x com.ex.Main \"$@\"",
    ] {
        let tree = Rootfs::debian_like()
            .programs(&["/usr/bin/curl", "/usr/bin/java", "/usr/bin/gosu", "/bin/bash"])
            .file("/app/run.jar", 0o644, 0, 0, &jar)
            .file("/app/lib/app.jar", 0o644, 0, 0, &archive)
            .file("/app/classes/com/ex/Main.class", 0o644, 0, 0, &class)
            .file("/app/bin/entry.sh", 0o755, 0, 0, format!("#!/bin/bash\n{script}\n"));
        let config = "[keep]\ncommands = ['java', 'gosu', 'bash', 'sh']\n";
        let command = ["--user", "app:1000:1000", "--command", "[\"/app/bin/entry.sh\", \"com.ex.Main\"]"];
        println!("{script}");
        tree.refuse_config(config, &command).says(&["'curl'"]);
        let config = config.replace("[keep]", "[keep]\nfrom-scripts = true");
        tree.apply_config(&config, &command).assert_same(&["/usr/bin/curl"]);
    }
}

/// A class of these constants.
fn class(name: &str, texts: &[&str], strings: &[&str]) -> Vec<u8> {
    let mut pool: Vec<Vec<u8>> = Vec::new();
    for text in [&[name], texts, strings].concat() {
        pool.push([&[1, 0, u8::try_from(text.len()).unwrap()][..], text.as_bytes()].concat());
    }
    let first = u8::try_from(2 + texts.len()).unwrap();
    pool.extend((first..).take(strings.len()).map(|at| vec![8, 0, at]));
    pool.push(vec![7, 0, 1]);
    let count = u8::try_from(pool.len() + 1).unwrap();
    [&[0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 61, 0, count][..], &pool.concat(), &[0, 33, 0, count - 1]].concat()
}

/// An archive of files that are not packed.
fn zip(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let number = |value: usize| u32::try_from(value).unwrap().to_le_bytes();
    let (mut all, mut list): (Vec<u8>, Vec<u8>) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let (begin, size, length) = (number(all.len()), number(content.len()), number(name.len()));
        all.extend(b"PK\x03\x04".iter().chain(&[0; 14]).chain(&size).chain(&size).chain(&length));
        all.extend(name.as_bytes().iter().chain(content));
        list.extend(b"PK\x01\x02".iter().chain(&[0; 16]).chain(&size).chain(&size).chain(&length));
        list.extend([0; 10].iter().chain(&begin).chain(name.as_bytes()));
    }
    let (at, size) = (number(all.len()), number(list.len()));
    all.extend(list);
    all.extend(b"PK\x05\x06".iter().chain(&[0; 8]).chain(&size).chain(&at).chain(&[0; 2]));
    all
}
