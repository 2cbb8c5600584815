using System; using System.Collections.Generic; using System.Diagnostics; using System.Linq; using System.Threading.Tasks;
delegate void Go(string tool);
interface IRunner { void Run(string tool); string Tool(); }
abstract class Job { public abstract string Name(); protected virtual void Exec(string tool) { Process.Start(tool); } public void All() { Exec(Name()); } }
class Dating : Job { public override string Name() { return "date"; } }
class Runner : IRunner { public void Run(string tool) { Process.Start(new ProcessStartInfo { FileName = tool }); } string IRunner.Tool() { return "tail"; } }
class Box<T> { readonly T value; public Box(T value) { this.value = value; } public T Get() { return value; } public void Start(string tool) { Process.Start(tool); } }
static class Settings { public static readonly string[] Line = { "expand", "x" }; public static string Name { get; } = "install"; }
static class Functions {
  static void Start(string tool) { Process.Start(tool).WaitForExit(); }
  static void Fill(List<string> list) { list.Add("batch"); }
  static bool Find(out string tool) { tool = "arch"; return true; }
  static IEnumerable<string> Tools() { yield return "head"; yield return "cut"; }
  static async Task<string> Name() { await Task.Delay(1); return "fold"; }
  static async Task Run() { Start(await Name()); }
  static void Apply(Func<string, Process> function) { function("more"); }
  static void Print(string text) { Console.WriteLine(text); }
  static void Main(string[] args) {
    Action<string> action = s => Start(s); action("find");
    Go go = s => Process.Start(s); go("sort");
    new Dating().All();
    IRunner runner = new Runner(); runner.Run("id"); Start(runner.Tool());
    new Box<string>("x").Start("split"); Start(new Box<string>("expr").Get());
    Start(Settings.Line[0]); Start(Settings.Name);
    var list = new List<string>(); Fill(list); Start(list[0]);
    string found; if (Find(out found)) Start(found);
    foreach (var tool in Tools()) Start(tool);
    Run().Wait();
    Apply(Process.Start);
    new List<string> { "link", "look" }.ForEach(Start);
    new[] { "host" }.Select(x => x + " y").ToList().ForEach(x => Start(x));
    var actions = new Dictionary<string, Action<string>> { { "a", Start } }; actions["a"]("reset");
    var info = new ProcessStartInfo(); info.FileName = "env"; info.Arguments = "line users"; Process.Start(info);
    var names = new Dictionary<string, string> { { "k", "file" } }; string value; if (names.TryGetValue("k", out value)) Start(value);
    var process = new Process(); process.StartInfo.FileName = "groups"; process.Start();
    Func<string> function = () => "dir"; Start(function());
    Start(Tuple.Create("join", 1).Item1); Start(args.FirstOrDefault() ?? "sum");
    Others();
  }
  static void Others() {
    new List<string> { "time", "locale" }.ForEach(Print); new[] { "name" }.ToList().ForEach(x => Print(x));
    Action<string> print = Print; print("info");
  }
}
