//! Entrypoints in other languages than a shell: what their own calls start is named with file and line.

use crate::common::Rootfs;

/// Interpreter, end of a file's name, and lines that start curl, find and, as code for a shell, sed.
const LANGUAGES: [(&str, &str, [&str; 3]); 9] = [
    (
        "python3",
        "py",
        [
            "import subprocess; subprocess.run(['curl', '-s', url])",
            "subprocess.check_output(\"find\")",
            "os.system('cd /app && sed -i s/a/b/ x')",
        ],
    ),
    ("perl", "pl", ["system('curl', '-s');", "my $x = `find /app`;", "open(my $f, '-|', 'sed s/a/b/ x') or die;"]),
    ("ruby", "rb", ["system('curl', '-s')", "x = `find /app`", "Open3.capture3(\"sed s/a/b/ #{file}\")"]),
    (
        "node",
        "js",
        [
            "const cp = require('child_process'); cp.execFile('curl', ['-s']);",
            "cp.spawnSync(\"find\");",
            "cp.exec(`sed s/a/b/ ${file}`);",
        ],
    ),
    ("gawk", "awk", ["BEGIN { system(\"curl -s\")", "\"find /app\" | getline x", "print x | \"sed s/a/b/\" }"]),
    ("gnuplot", "gp", ["set output '| curl -s'", "plot \"< find /app\"", "x = system(\"sed s/a/b/ x\")"]),
    ("lua", "lua", ["os.execute('curl -s')", "local f = io.popen(\"find /app\")", "os.execute(\"sed s/a/b/ x\")"]),
    ("Rscript", "R", ["system('curl -s')", "x <- pipe(\"find /app\")", "system2(\"sed\", 's/a/b/')"]),
    ("tclsh", "tcl", ["exec curl -s", "set x [exec find /app]", "open \"|sed s/a/b/ x\""]),
];

fn image(interpreter: &str, path: &str, text: &str, mode: u32) -> Rootfs {
    let path_of = format!("/usr/bin/{interpreter}");
    Rootfs::debian_like()
        .programs(&["/usr/bin/curl", "/usr/bin/find", "/usr/bin/sed", "/usr/bin/env", &path_of])
        .file(path, mode, 0, 0, text)
}

#[test]
fn what_an_entrypoint_starts_is_refused_with_file_and_line_and_the_line_settles_it() {
    for (interpreter, end, [curl, find, sed]) in LANGUAGES {
        let lines = format!("{curl}\n{find}\n{sed}\n");
        let script = format!("#!/usr/bin/env {interpreter}\n{lines}");
        let file = format!("/app/run.{end}");
        for (path, text, mode, words, first) in [
            ("/app/start", &script, 0o755, "/app/start".to_owned(), 2),
            ("/app/start", &script, 0o755, "/usr/bin/env X=1 /app/start".to_owned(), 2),
            (&file, &lines, 0o644, format!("{interpreter} {file} --port 80"), 1),
            (&file, &script, 0o644, format!("/usr/bin/{interpreter} {file}"), 2),
        ] {
            let command = ["--user", "app:1000:1000", "--command", &words];
            let tree = || image(interpreter, path, text, mode);
            let names = [("curl", first), ("find", first + 1), ("sed", first + 2)];
            // The front end of R runs sed: it stays.
            let goes = names.iter().filter(|(name, _)| *name != "sed" || interpreter != "Rscript");
            let said: Vec<String> = goes.map(|(name, line)| format!("'{name}' ({path}:{line})")).collect();
            let said: Vec<&str> = said.iter().map(String::as_str).collect();
            tree().refuse(&command).says(&["refused[guard.scripts]"]).says(&said);
            let config = "[keep]\ncommands = ['curl', 'find', 'sed', 'sh', 'env']\n";
            tree().apply_config(config, &command).assert_same(&["/usr/bin/curl", "/usr/bin/find", "/usr/bin/sed"]);
            let config = "[keep]\nfrom-scripts = true\ncommands = ['sh', 'env']\n";
            tree().apply_config(config, &command).assert_same(&["/usr/bin/curl", "/usr/bin/find", "/usr/bin/sed"]);
        }
    }
}

/// The same of a file that the image's shell script gives to the interpreter: in variables, from a directory that it changes
/// to, behind options; Node.js finds `main.js` as `main`.
#[test]
fn what_a_shell_script_gives_to_an_interpreter_is_read_and_the_line_settles_it() {
    for (number, (interpreter, end, lines)) in LANGUAGES.into_iter().enumerate() {
        let file = format!("/app/main.{end}");
        let calls = [
            format!("exec {interpreter} {file} \"$@\""),
            format!("cd /app\n{interpreter} -x main.{end} &\nwait"),
            format!("APP={file}\nrun() {{ exec \"$@\"; }}\nrun gosu app {interpreter} \"$APP\" --port 80"),
            format!("set -- {interpreter} \"$HOME_OF_APP/main.{end}\" \"$@\"\nexec \"$@\""),
            "cd /app && exec node --enable-source-maps main".to_owned(),
        ];
        let calls = calls.get(if interpreter == "node" { 0..5 } else { number % 4..number % 4 + 1 }).unwrap();
        for call in calls {
            let call = call.replace("gawk /", "gawk -f /");
            let tree = || {
                image(interpreter, &file, &format!("{}\n", lines.join("\n")), 0o644)
                    .programs(&["/usr/bin/gosu"])
                    .script("/app/entry.sh", &format!("#!/bin/sh\n{call}\n"))
            };
            let command = ["--user", "app:1000:1000", "--command", "/app/entry.sh"];
            let keep = format!("commands = ['{interpreter}', 'sh', 'env', 'gosu'");
            println!("{call}");
            tree()
                .refuse_config(&format!("[keep]\n{keep}]\n"), &command)
                .says(&[&format!("'curl' ({file}:1)"), &format!("'find' ({file}:2)")]);
            for config in
                [format!("[keep]\n{keep}, 'curl', 'find', 'sed']\n"), format!("[keep]\nfrom-scripts = true\n{keep}]\n")]
            {
                let done = tree().apply_config(&config, &command);
                done.assert_same(&["/usr/bin/curl", "/usr/bin/find", "/usr/bin/sed"]);
            }
        }
    }
}

/// A variable, a comment, a text, or a function of the same name: no evidence, and no refusal.
#[test]
fn what_is_no_literal_argument_of_a_call_is_no_refusal() {
    for (interpreter, text) in [
        ("python3", "subprocess.run(cmd)\n# os.system('curl x')\nprint('os.system(\"find\")')\nrun(['sed'])\n"),
        ("perl", "system($cmd);\n# system('curl');\nprint 'system(\"find\")';\nopen(F, '<', 'sed');\n"),
        ("ruby", "system(cmd)\n# system('curl')\nputs 'system(\"find\")'\n"),
        ("node", "exec('curl');\n// cp.spawn('find')\nspawn('sed');\n"),
    ] {
        let script = format!("#!/usr/bin/{interpreter}\n{text}");
        let tree = image(interpreter, "/app/start", &script, 0o755);
        let done =
            tree.apply_config("[keep]\ncommands = ['sh']\n", &["--user", "app:1000:1000", "--command", "/app/start"]);
        done.assert_gone(&["/usr/bin/curl", "/usr/bin/find", "/usr/bin/sed"]);
    }
}

/// The same through a function of the script, a variable, a list, and a module of the application beside the script: what is
/// started is named with the line where it stands.
#[test]
fn what_functions_variables_and_modules_start_is_refused_and_the_line_settles_it() {
    for (interpreter, end, module, lines) in [
        (
            "python3",
            "py",
            ("tools.py", "import subprocess as sp\ndef go(cmd, **more): return sp.run(cmd, **more)\n"),
            "from tools import go as run\nrun(['curl', '-s'])\nTOOL = 'find'\nrun([TOOL, '/app'])\nfor cmd in [['sed', 'x']]: run(cmd)\n",
        ),
        (
            "ruby",
            "rb",
            ("tools.rb", "def go(*cmd) = system(*cmd)\n"),
            "require_relative 'tools'\ngo 'curl', '-s'\nTOOL = 'find'\ngo(TOOL, '/app')\ncmd = %w[sed x]; go(*cmd)\n",
        ),
        (
            "node",
            "js",
            (
                "tools.js",
                "const cp = require('child_process');\nexports.go = function (cmd, args) { return cp.spawnSync(cmd, args); };\n",
            ),
            "const { go } = require('./tools');\ngo('curl', ['-s']);\nconst tool = process.env.TOOL || 'find';\ngo(tool);\nfor (const cmd of ['sed']) go(cmd);\n",
        ),
        (
            "perl",
            "pl",
            ("Tools.pm", "package Tools;\nsub go { my (@cmd) = @_; system(@cmd); }\n1;\n"),
            "use lib '/app'; use Tools;\nTools::go('curl', '-s');\nmy $tool = 'find';\nTools::go($tool, '/app');\nmy @cmd = qw(sed x); Tools::go(@cmd);\n",
        ),
    ] {
        let script = format!("#!/usr/bin/{interpreter}\n{lines}");
        let file = format!("/app/run.{end}");
        let tree =
            || image(interpreter, &file, &script, 0o755).file(format!("/app/{}", module.0), 0o644, 0, 0, module.1);
        let command = ["--user", "app:1000:1000", "--command", &file];
        let said = [("curl", 3), ("find", 4), ("sed", 6)].map(|(name, line)| format!("'{name}' ({file}:{line})"));
        tree().refuse(&command).says(&["refused[guard.scripts]"]).says(&said.each_ref().map(String::as_str));
        let config = "[keep]\ncommands = ['curl', 'find', 'sed', 'sh']\n";
        tree().apply_config(config, &command).assert_same(&["/usr/bin/curl", "/usr/bin/find", "/usr/bin/sed"]);
    }
}

/// A shell whose grammar nobody reads: the words that begin its commands are named all the same.
#[test]
fn what_other_shells_start_is_refused() {
    for (interpreter, text) in [
        ("fish", "function go\n  $argv\nend\ngo curl -s\nset x (find /app | sed s/a/b/)\n"),
        ("tcsh", "set x = `curl -s`\nforeach f (a)\n  find $f && sed s/a/b/ $f\nend\n"),
    ] {
        let script = format!("#!/usr/bin/{interpreter}\n{text}");
        let tree = image(interpreter, "/app/start", &script, 0o755);
        tree.refuse(&["--user", "app:1000:1000", "--command", "/app/start"]).says(&["'curl' (", "'find' (", "'sed' ("]);
    }
}

/// Languages without a table of calls, by a first line and as a file that the interpreter is given, and elements of arrays.
#[test]
fn what_other_languages_start_is_refused_and_the_line_settles_it() {
    for (interpreter, text) in [
        ("gforth", "s\" find /app\" system bye"),
        ("m4", "syscmd(`find /app')dnl"),
        ("regina", "'find /app'"),
        ("pike", "Process.create_process(({\"find\", \"/app\"}))->wait();"),
        ("slsh", "() = system (\"find /app\");"),
        ("newlisp", "(exec \"find /app\")"),
        ("picolisp", "(call 'find \"/app\")"),
        ("sqlite3", ".shell find /app"),
        ("ed", "!find /app"),
        ("clisp", "(ext:shell \"find /app\")"),
        ("nobodys", "launch shell \"find /app\""),
        ("zsh", "t=(date find)\n$t[2] /app"),
        ("zsh", "t=(date find)\n$t[-1] /app"),
        ("mksh", "set -A t date find\n\"${t[1]}\" /app"),
        ("fish", "set t find\n$t /app"),
        ("tcsh", "set t = (date find)\n$t[2] /app"),
    ] {
        let script = format!("#!/usr/bin/{interpreter}\n{text}\n");
        let given = format!("/usr/bin/{interpreter} /app/start");
        for (text, mode, words) in [(&script, 0o755, "/app/start"), (&format!("{text}\n"), 0o644, given.as_str())] {
            let command = ["--user", "app:1000:1000", "--command", words];
            let tree = || image(interpreter, "/app/start", text, mode);
            tree().refuse(&command).says(&["'find' (/app/start"]);
            let config = "[keep]\ncommands = ['find', 'sh']\n";
            tree().apply_config(config, &command).assert_same(&["/usr/bin/find"]);
        }
        // A word in a text is no program that it starts.
        let text = format!("#!/usr/bin/{interpreter}\nprint \"files to find\"\n");
        let tree = image(interpreter, "/app/start", &text, 0o755);
        tree.apply_config("", &["--user", "app:1000:1000", "--command", "/app/start"]).assert_gone(&["/usr/bin/find"]);
    }
}
