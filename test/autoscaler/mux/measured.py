"""Peaks of handlers as they are: a list of programs in, a list of bytes out.

`traced` is what CPython and NumPy tell tracemalloc. `resident` is the peak of the whole process
above what it was before the call, for libraries that allocate by themselves.
"""
import gc
import json
import sys
import tracemalloc
from importlib.metadata import PackageNotFoundError, version


def status(field):
    with open("/proc/self/status") as lines:
        for line in lines:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024


def resident_peak(call):
    before = status("VmRSS")
    with open("/proc/self/clear_refs", "w") as refs:
        refs.write("5")
    call()
    return status("VmHWM") - before


def traced_peak(call):
    tracemalloc.start()
    call()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def peak_of(source, payload, counts):
    names = {}
    exec(compile(source, "handler.py", "exec"), names)
    handler = names["handler"]
    # The first call imports, and fills caches of the libraries.
    handler(dict(payload))
    gc.collect()
    measure = resident_peak if counts == "resident" else traced_peak
    return measure(lambda: handler(payload))


def version_of(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return None


programs = json.load(sys.stdin)
peaks = [peak_of(one["source"], one["payload"], one["counts"]) for one in programs]
python = "%d.%d" % sys.version_info[:2]
libraries = {name: version_of(name) for name in ("numpy", "igraph", "pyaes", "pillow")}
json.dump({"python": python, "libraries": libraries, "peaks": peaks}, sys.stdout)
