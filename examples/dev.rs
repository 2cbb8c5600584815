use harden::policy::*; use harden::run;
fn main(){ let a:Vec<String>=std::env::args().collect();
 let o=Origin::Flag("--x");
 let words: Vec<String> = a[3..].iter().filter(|w|!w.starts_with("-")).cloned().collect();
 let p=Policy{user:Some(RunUser::Named{name:"app".into(),uid:Some(1000),gid:Some(1000)}),run:Run::Commands(vec![CommandLine{words,shell_form:false,origin:o}]),..Policy::default()};
 let v = if a.iter().any(|x|x=="-v"){harden::report::Volume::Verbose}else{harden::report::Volume::Normal};
 let r=run::Request{root:Some(a[2].clone()),volume:v,..Default::default()};
 let e= if a[1]=="apply"{run::apply(&p,&r)}else{run::plan(&p,&r)}; std::process::exit(e.code() as i32)}
