//! The names of the calls that languages have for starting programs, and which of them give their text to a shell.

use super::Language;

/// Names of calls with a program and its arguments, or one text that is taken apart or given to a shell.
const fn plain(language: Language) -> &'static [&'static str] {
    match language {
        Language::Python => &[
            "subprocess.run",
            "subprocess.call",
            "subprocess.Popen",
            "subprocess.check_call",
            "subprocess.check_output",
            "subprocess.getoutput",
            "subprocess.getstatusoutput",
            "Popen",
            "check_call",
            "check_output",
            "getoutput",
            "getstatusoutput",
            "create_subprocess_exec",
            "create_subprocess_shell",
            "os.system",
            "os.popen",
            "os.execv",
            "os.execve",
            "os.execvp",
            "os.execvpe",
            "os.execl",
            "os.execle",
            "os.execlp",
            "os.execlpe",
            "os.spawnv",
            "os.spawnve",
            "os.spawnvp",
            "os.spawnl",
            "os.spawnlp",
            "os.posix_spawn",
            "os.posix_spawnp",
            "pexpect.run",
            "pexpect.spawn",
            "pty.spawn",
            "sh.Command",
        ],
        Language::Perl => {
            &["system", "exec", "capture", "open", "open2", "open3", "run3", "systemx", "capturex", "readpipe"]
        }
        Language::Ruby => &[
            "system",
            "exec",
            "spawn",
            "open",
            "popen",
            "IO.popen",
            "Open3.capture2",
            "Open3.capture2e",
            "Open3.capture3",
            "Open3.popen2",
            "Open3.popen2e",
            "Open3.popen3",
            "Open3.pipeline",
            "Open3.pipeline_r",
            "Open3.pipeline_w",
            "Open3.pipeline_rw",
            "Open3.pipeline_start",
            "Process.spawn",
            "PTY.spawn",
        ],
        Language::Php => &[
            "exec",
            "shell_exec",
            "system",
            "passthru",
            "popen",
            "proc_open",
            "pcntl_exec",
            "Process",
            "fromShellCommandline",
        ],
        Language::JavaScript => &[
            "exec",
            "execSync",
            "execFile",
            "execFileSync",
            "spawn",
            "spawnSync",
            "execa",
            "execaSync",
            "execaCommand",
            "spawn.sync",
            "execa.sync",
        ],
        Language::Awk | Language::Gnuplot => &["system"],
        Language::Lua => &["os.execute", "io.popen", "posix.exec", "posix.execp"],
        Language::Elixir => &["System.cmd", "System.shell"],
        Language::Octave => &["system", "popen", "popen2", "unix", "shell_cmd"],
        Language::R => &["system", "system2", "pipe", "base.system", "base.system2"],
        _ => &[],
    }
}

/// Whether a call gives its text to a shell.
pub(super) fn by_shell(name: &str, language: Language) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    match language {
        Language::Python => {
            matches!(last, "system" | "popen" | "getoutput" | "getstatusoutput" | "create_subprocess_shell")
        }
        Language::JavaScript => matches!(last, "exec" | "execSync"),
        Language::Perl | Language::Ruby => false,
        Language::Php => !matches!(last, "pcntl_exec" | "Process"),
        Language::Lua => !name.starts_with("posix."),
        Language::Elixir => last == "shell",
        _ => true,
    }
}

/// Whether a name, with the module in front of it, is that of a call. JavaScript has any name for its module.
pub(super) fn is_call(name: &str, language: Language) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    let known = plain(language);
    match language {
        Language::JavaScript => known.contains(&last) || matches!(name, "spawn.sync" | "execa.sync"),
        Language::Python => known.contains(&name) || last.starts_with("create_subprocess_") && known.contains(&last),
        _ => known.contains(&name) || name == format!("Kernel.{last}") && known.contains(&last),
    }
}
