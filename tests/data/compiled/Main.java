package com.ex;
import java.util.*;
public class Main {
  static final List<String> TAIL = List.of("tail", "-n", "1");
  static final String DATE = System.getenv().getOrDefault("TOOL", "date");
  interface Runner { void go(String... a) throws Exception; }
  static class Impl implements Runner {
    private final String[] base = {"sort", "-r"};
    public void go(String... a) throws Exception { new ProcessBuilder(a).inheritIO().start().waitFor(); new ProcessBuilder(base).start(); }
  }
  record Cmd(String name, List<String> args) {}
  static void run(String name, long x, String arg) throws Exception { Runtime.getRuntime().exec(new String[]{name, arg}).waitFor(); }
  static String pick(boolean b) { return b ? "head" : "cut"; }
  public static void main(String[] args) throws Exception {
    new ProcessBuilder("find", "/x", "-name", "line").start();
    Runtime.getRuntime().exec("id -u");
    Runtime.getRuntime().exec("groups " + args[0]);
    new ProcessBuilder(TAIL).start();
    new ProcessBuilder(DATE).start();
    Runner r = new Impl(); r.go("join", "x");
    run("fold", 3L, "users");
    new ProcessBuilder(pick(args.length > 0)).start();
    new ProcessBuilder(args.length > 1 ? "expand" : "expr").start();
    List<String> l = new ArrayList<>(); l.add("split"); l.add("sum"); new ProcessBuilder(l).start();
    Map<String, String> m = new HashMap<>(); m.put("k", "file"); new ProcessBuilder(m.get("k")).start();
    for (String t : new String[]{"reset", "clear"}) new ProcessBuilder().command(t, "-x").start();
    new ProcessBuilder("sh", "-c", "look x | host").start();
    Cmd c = new Cmd("install", List.of("name")); new ProcessBuilder(c.name()).start();
    StringBuilder sb = new StringBuilder(); sb.append("dir ").append(args[0]); Runtime.getRuntime().exec(sb.toString());
    String w; switch (args.length) { case 7: w = "link"; break; case 8: w = "arch"; break; default: w = "env"; }
    new ProcessBuilder(w).start();
    Runnable q = () -> { try { new ProcessBuilder("test", "1").start(); } catch (Exception e) {} }; q.run();
    System.out.println("batch" + "at".equals(args[0]) + "info");
    System.out.println("more"); System.out.println("time"); System.out.println("locale");
  }
}
