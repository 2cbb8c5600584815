package com.ex;
import java.util.*;
import java.util.concurrent.*;
import java.util.function.*;
import java.util.stream.*;
class Settings {
  static final String[] LINE = {"expand", "x"};
  static final List<String> LIST = List.of("join", "users");
  static final String NAME = new String("install");
}
class Above {
  protected String tool = "arch";
  static void go(String tool) throws Exception { new ProcessBuilder(tool).start(); }
}
interface Starter { void go(String tool) throws Exception; }
public class Functions extends Above {
  enum Tool { FILE("file"); final String command; Tool(String command) { this.command = command; } }
  static void start(String tool) { try { new ProcessBuilder(tool).start(); } catch (Exception e) { throw new RuntimeException(e); } }
  static void fill(List<String> list) { list.add("batch"); }
  static void apply(Function<String, ProcessBuilder> function) throws Exception { function.apply("more").start(); }
  void own() throws Exception { new ProcessBuilder(tool).start(); }
  static class Print implements Consumer<String> { public void accept(String s) { System.out.println(s); } }
  public static void main(String[] args) throws Exception {
    Consumer<String> consumer = s -> start(s); consumer.accept("find");
    Starter starter = tool -> new ProcessBuilder(tool).start(); starter.go("sort");
    List.of("date", "id").forEach(Functions::start);
    Stream.of("x").map(s -> "tail").forEach(s -> start(s));
    Supplier<String> supplier = () -> "cut"; start(supplier.get());
    new Functions().own(); go("fold");
    Runtime.getRuntime().exec(Settings.LINE); new ProcessBuilder(Settings.LIST).start(); start(Settings.NAME);
    List<String> list = new ArrayList<>(); fill(list); new ProcessBuilder(list).start();
    apply(x -> new ProcessBuilder(x));
    Map<String, Consumer<String>> map = new HashMap<>(); map.put("a", Functions::start); map.get("a").accept("link");
    ExecutorService service = Executors.newFixedThreadPool(1); service.submit(() -> { start("look"); return 1; }).get();
    CompletableFuture.supplyAsync(() -> "host").thenAccept(Functions::start).get();
    Consumer<String> object = new Consumer<String>() { public void accept(String s) { start(s); } }; object.accept("split");
    List.of("sum").forEach(new Consumer<String>() { public void accept(String s) { start(s); } });
    Optional.of("expr").ifPresent(Functions::start);
    Function<List<String>, ProcessBuilder> builder = ProcessBuilder::new; builder.apply(List.of("env")).start();
    start(Tool.FILE.command);
    BiConsumer<Long, String> two = (number, s) -> start(s); two.accept(1L, "groups");
    Callable<String> callable = () -> "dir"; start(callable.call());
    others();
  }
  static void others() {
    List.of("line", "time").forEach(System.out::println);
    Consumer<String> print = s -> System.out.println(s); print.accept("users"); new Print().accept("locale");
    Function<String, String> name = s -> s + "name"; System.out.println(name.apply("at"));
  }
}
