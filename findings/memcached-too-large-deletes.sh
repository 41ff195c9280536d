#!/usr/bin/env bash
# memcached 1.6.18: a value that is too large deletes the old one, with `set` and every `ms`, even one whose condition
# doesn't hold.
#
# Expected: protocol.txt: an error reply means that the command wasn't carried out; `add` stores only if the key is
#   absent, and `cas` and `ms` with C only if the item is unchanged. So the old value is expected to stay.
# Seen: after `SERVER_ERROR object too large for cache` the old value is gone with set, with ms, with ms in the mode add
#   (ME) and with ms and a wrong CAS token. The classic add, replace, append and cas leave it.
# Who meets it: a client that treats the error as "nothing happened"; compare-and-set and add-once on meta commands:
#   they delete another's value that they must not touch.
# Instead: check the length in the client (1 MiB with key and header by default) before anything is sent.
source "$(dirname "$0")/lib.bash"

start_memcached
python3 - "$port" <<'PYTHON'
import socket, sys

wire = socket.create_connection(("127.0.0.1", int(sys.argv[1])))

def call(data):
    wire.sendall(data)
    return wire.recv(4096)

size = 1024 * 1024
large = b"x" * size + b"\r\n"
commands = {
    "set": b"set k 0 0 %d\r\n" % size,
    "add": b"add k 0 0 %d\r\n" % size,
    "replace": b"replace k 0 0 %d\r\n" % size,
    "append": b"append k 0 0 %d\r\n" % size,
    "cas with a wrong token": b"cas k 0 0 %d 1\r\n" % size,
    "ms": b"ms k %d\r\n" % size,
    "ms in mode add": b"ms k %d ME\r\n" % size,
    "ms with a wrong token": b"ms k %d C1\r\n" % size,
}
deleting = {"set", "ms", "ms in mode add", "ms with a wrong token"}
for name, command in commands.items():
    call(b"set k 0 0 3\r\nold\r\n")
    reply = call(command + large)
    stays = call(b"get k\r\n") != b"END\r\n"
    print(f"{name}: {reply.decode().strip()}; the old value {'stays' if stays else 'is gone'}")
    assert reply.startswith(b"SERVER_ERROR") and stays == (name not in deleting)
PYTHON
