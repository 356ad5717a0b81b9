"""Two thousand operations that schemathesis makes up from the schema, asked by nobody, a client, a freelancer and an
admin of the demo, against a server with demo data, like the one `cargo run` starts. What a good answer is says
fuzz_hooks.py.
    python3 fuzz.py [origin]        CASES=40 for each operation and viewer, instead of 4; SEED=7
    python3 fuzz.py program         starts that program on a data folder of its own, and throws it away afterwards
It is put, with what it needs, into a folder of its own here. Otherwise use a data folder that can be thrown away.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ORIGIN = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"
CASES, SEED = os.environ.get("CASES", "4"), os.environ.get("SEED", "7")
# So many are made up at the least: fewer, and something kept schemathesis from its work.
AT_LEAST = 500 * int(CASES)
# They end the session of whoever asks, and all that comes after would only be told so.
ENDS_THE_SESSION = "signOut|sessionRevoke"
VIEWERS = {"nobody": None, "client": "client", "freelancer": "freelancer", "admin": "admin"}


def schemathesis():
    folder = HERE / ".fuzz"
    program = folder / "bin" / "schemathesis"
    if not program.exists():
        venv.create(folder, with_pip=True)
        wanted = ["schemathesis==4.32.5", "hypothesis-graphql==0.13.5"]
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", *wanted], check=True)
    return program


def ask(query, variables=None):
    body = json.dumps({"query": query, "variables": variables or {}}).encode()
    request = urllib.request.Request(f"{ORIGIN}/graphql", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["data"]


@contextmanager
def started(program):
    """The program as `cargo run` starts it, and its address, until what is done with it is done."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with tempfile.TemporaryDirectory(prefix="rabta-fuzz-") as folder:
        # The private PostgreSQL of root runs as somebody else.
        os.chmod(folder, 0o755)
        command = [program, "serve", "--data-dir", Path(folder) / "data", "--listen", address, "--log", "error"]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            until = time.monotonic() + 120
            while not is_ready(f"http://{address}/readyz"):
                if server.poll() is not None or time.monotonic() > until:
                    raise SystemExit(f"{program} did not start")
                time.sleep(0.2)
            yield f"http://{address}"
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(60)


def is_ready(address):
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def app_code():
    """What the authenticator app of the demo's staff shows now (RFC 6238)."""
    key, step = base64.b32decode("RABTADEMORABTADEMORABTADEMORABTA"), int(time.time()) // 30
    digest = hmac.new(key, struct.pack(">Q", step), hashlib.sha1).digest()
    (number,) = struct.unpack_from(">I", digest, digest[-1] & 15)
    return f"{(number & 0x7FFFFFFF) % 1_000_000:06}"


def token(name):
    query = "mutation($input: SignInInput!) { signIn(input: $input) { tokens { accessToken } errors { code } } }"
    account = {"email": f"{name}@demo.example", "password": "tuba-gravel-ninety"}
    for _ in range(3):
        signed_in = ask(query, {"input": account})["signIn"]
        if signed_in["tokens"]:
            return signed_in["tokens"]["accessToken"]
        if "code" in account:
            # Each code works once: the next comes within half a minute.
            time.sleep(30)
        account["code"] = app_code()
    raise SystemExit(f"{name} could not sign in: {signed_in['errors']}")


def run(mode, account):
    command = [schemathesis(), "run", f"{ORIGIN}/graphql", "--checks", "typed_answer", "--phases", "fuzzing"]
    command += ["--mode", mode, "--max-examples", CASES, "--seed", SEED, "--exclude-name-regex", ENDS_THE_SESSION]
    # As many as one address may ask in a minute, and some room.
    command += ["--suppress-health-check", "all", "--no-color", "--rate-limit", "900/m", "--continue-on-failure"]
    if account:
        command += ["--header", f"Authorization: Bearer {token(account)}"]
    environment = os.environ | {"PYTHONPATH": str(HERE), "SCHEMATHESIS_HOOKS": "fuzz_hooks", "FUZZ_MODE": mode}
    done = subprocess.run(command, env=environment, cwd=HERE / ".fuzz", capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def fuzz():
    # A server that has just started reads the longest question of all for the first time, and schemathesis waits ten
    # seconds.
    ask("{ __schema { types { name fields { name args { name } } } } }")
    failed = cases = 0
    for mode in ["positive", "negative"]:
        for viewer, account in VIEWERS.items():
            code, said = run(mode, account)
            count = re.search(r"(\d+) generated, (\d+) passed", said)
            cases += int(count.group(1)) if count else 0
            if code != 0 or not count or count.group(1) != count.group(2):
                failed += 1
                print(said)
            print(f"{mode} {viewer}: {count.group(0) if count else 'failures'}", flush=True)
    print(f"{cases} cases, {failed} runs with failures")
    return failed == 0 and cases >= AT_LEAST


if ORIGIN.startswith("http"):
    is_good = fuzz()
else:
    with started(ORIGIN) as ORIGIN:
        is_good = fuzz()
sys.exit(0 if is_good else 1)
