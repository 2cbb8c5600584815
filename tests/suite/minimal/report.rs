//! Sizes in the report, and what explain says.

use super::{SERVER, server};

#[test]
fn the_report_counts_what_stays_and_goes_of_each_package() {
    let root = server();
    let args: Vec<&str> = SERVER.into_iter().chain(["--format", "json"]).collect();
    let report = root.run("plan", &args).json();
    let packages = report["sizes"]["packages"].as_array().unwrap();
    let of = |name: &str| packages.iter().find(|size| size["package"] == name).unwrap_or_else(|| panic!("{name}"));
    let library = std::fs::metadata(root.at("/usr/lib/x86_64-linux-gnu/libfoo.so.1")).unwrap().len();
    assert_eq!(of("libfoo1")["stays"], serde_json::json!({ "files": 2, "bytes": library + 4 }));
    assert_eq!(of("libfoo1")["goes"], serde_json::json!({ "files": 1, "bytes": 1 }));
    assert_eq!(of("tools")["stays"]["files"], 0);
    assert_eq!(of("tools")["because"], serde_json::json!([]));
    let because = of("libbar-data")["because"].to_string();
    assert!(because.contains("libfoo1 depends on it") && because.contains("--command"), "{because}");
    let sum = |what: &str| packages.iter().map(|size| size[what]["bytes"].as_u64().unwrap()).sum::<u64>();
    assert_eq!(report["sizes"]["stays"]["bytes"], sum("stays"));
    assert_eq!(report["sizes"]["goes"]["bytes"], sum("goes"));
    let bytes = report["changes"].as_array().unwrap().iter().filter_map(|change| change["bytes"].as_u64()).sum::<u64>();
    assert_eq!(sum("goes"), bytes);
    let text = root.run("plan", &SERVER).stdout;
    assert!(text.contains("libspare1: as a whole") && text.contains("packages are removed completely"), "{text}");
    let usual = root.run("plan", &args[1..]).json();
    assert!(usual.get("sizes").is_none());
}

#[test]
fn explain_speaks_of_libraries_and_data() {
    let root = server();
    let explain = |path: &str| {
        let args: Vec<&str> = SERVER.into_iter().chain([path]).collect();
        root.run("explain", &args).stdout
    };
    let said = explain("/usr/share/bar/data");
    assert!(said.contains("its package 'libbar-data' stays, libfoo1 depends on it, it holds"), "{said}");
    let said = explain("/usr/lib/x86_64-linux-gnu/libspare.so.1");
    assert!(said.contains("removed by remove.unneeded: no kept file needs its package 'libspare1'"), "{said}");
    assert!(said.contains("[keep] paths = [\"/usr/lib/x86_64-linux-gnu/libspare.so.1\"]"), "{said}");
    let said = explain("/opt/app/data");
    assert!(said.contains("no package owns it"), "{said}");
    let said = explain("/usr/share/man/man8/serverd.8");
    assert!(said.contains("removed by remove.unneeded: documentation"), "{said}");
}
