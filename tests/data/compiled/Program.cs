using System; using System.Collections.Generic; using System.Diagnostics; using System.Threading.Tasks;
static class Program {
  static readonly string Date = Environment.GetEnvironmentVariable("TOOL") ?? "date";
  static readonly List<string> Tools = new List<string> { "reset", "clear" };
  const string Look = "look";
  class Job { public string Name { get; set; } public string[] Args; }
  interface IRunner { void Go(string tool); }
  class Runner : IRunner { readonly string own; public Runner(string s) { own = s; } public void Go(string tool) { Process.Start(own); Process.Start(tool, "x"); } }
  static void Run(string name, long n, string args = "name") { Process.Start(new ProcessStartInfo(name, args) { UseShellExecute = false }).WaitForExit(); }
  static string Pick(bool b) { return b ? "head" : "cut"; }
  static async Task Later(string tool) { await Task.Delay(1); Process.Start(tool); }
  static void Main(string[] args) {
    Process.Start("find", "/x -name line");
    new Process { StartInfo = new ProcessStartInfo { FileName = "sort", Arguments = "users" } }.Start();
    Process.Start(Date); Process.Start(Look);
    Run("fold", 3);
    Process.Start(Pick(args.Length > 0));
    Process.Start(args.Length > 1 ? "expand" : "expr");
    foreach (var t in Tools) Process.Start(t);
    var map = new Dictionary<string, string> { { "k", "file" } }; Process.Start(map["k"]);
    string[] line = { "split", "sum" }; Process.Start(line[0], line[1]);
    new Runner("join").Go("tail");
    var j = new Job { Name = "install" }; Process.Start(j.Name);
    Process.Start("/bin/sh", "-c \"host x | env\"");
    Later("id").Wait();
    Action<string> f = x => Process.Start(x); f("test");
    try { Process.Start("groups"); } catch (Exception e) { Console.WriteLine("batch" + e); } finally { Process.Start("dir"); }
    switch (args.Length) { case 7: Process.Start("link"); break; case 8: Process.Start("arch"); break; case 9: Console.WriteLine("info"); break; }
    Console.WriteLine("more"); Console.WriteLine("time" == args[0] ? "locale" : "at");
  }
}
