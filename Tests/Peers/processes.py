"""Programs that a script starts beside itself: a port for each, whether it answers, its end."""
import os, signal, socket, subprocess, sys, time, urllib.request

# A test's thread blocks signals, and programs inherit that: those that are asked to end would never hear it.
signal.pthread_sigmask(signal.SIG_SETMASK, ())


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(url, process, seconds, attempt):
    """Until the program answers at a URL: so many seconds in all, and for one attempt."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise SystemExit(f"{process.args[0]} ended with {process.returncode} before it answered")
        try:
            with urllib.request.urlopen(url, timeout=attempt):
                return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"{url} did not answer")


def end(process, seconds):
    """Asks it to end; its status, or "killed" when it did not within so many seconds."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        return "killed"


def leave():
    """Ends this program at once. Threads of the SDK call into the interpreter until its last moment, and one that is
    ended there takes the whole program down with an abort."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
