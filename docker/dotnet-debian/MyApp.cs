// A small web application with a hole in it, for the demonstration only: `/` serves a page, and
// `/exec/NAME?ARG&ARG` does what an attacker with code execution does, it starts a program.
// Never ship the second part.
using System;
using System.ComponentModel;
using System.Diagnostics;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading;

public static class MyApp
{
    const int NoSuchFile = 2; // ENOENT

    public static int Main(string[] args)
    {
        int port = args.Length > 0 ? int.Parse(args[0]) : 8080;
        var listener = new TcpListener(IPAddress.Any, port);
        listener.Start();
        Console.WriteLine("listening on port " + port);
        while (true)
        {
            TcpClient client = listener.AcceptTcpClient();
            new Thread(() => Serve(client)).Start();
        }
    }

    static void Serve(TcpClient client)
    {
        try
        {
            using (client)
            using (NetworkStream stream = client.GetStream())
            {
                var reader = new StreamReader(stream, Encoding.ASCII);
                string request = reader.ReadLine();
                if (request == null) return;
                while (!string.IsNullOrEmpty(reader.ReadLine())) { }
                string body = Answer(request);
                byte[] bytes = Encoding.UTF8.GetBytes(
                    "HTTP/1.0 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n" + body);
                stream.Write(bytes, 0, bytes.Length);
            }
        }
        catch (IOException) { } // the visitor left
    }

    static string Answer(string request)
    {
        string[] words = request.Split(' ');
        string target = words.Length > 1 ? words[1] : "/";
        const string attack = "/exec/";
        if (!target.StartsWith(attack, StringComparison.Ordinal))
        {
            return "Hello from " + Environment.UserName + ", .NET " + Environment.Version + "\n";
        }
        string[] parts = target.Substring(attack.Length).Split(new[] { '?' }, 2);
        string arguments = parts.Length > 1 ? Uri.UnescapeDataString(parts[1].Replace('&', ' ')) : "";
        return Exec(Uri.UnescapeDataString(parts[0]), arguments);
    }

    static string Exec(string name, string arguments)
    {
        var start = new ProcessStartInfo(name, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        try
        {
            using (Process process = Process.Start(start))
            {
                process.StandardInput.Close();
                string errors = "";
                var side = new Thread(() => errors = process.StandardError.ReadToEnd());
                side.Start();
                string output = process.StandardOutput.ReadToEnd();
                side.Join();
                process.WaitForExit();
                return "exit " + process.ExitCode + ": " + output + errors;
            }
        }
        catch (Win32Exception e)
        {
            return (e.NativeErrorCode == NoSuchFile ? "ENOENT" : "errno " + e.NativeErrorCode) + ": " + e.Message + "\n";
        }
    }
}
