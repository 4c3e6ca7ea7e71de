"""A Java class that stands in for the JavaScript engine which Java dropped in version 15.

spice-1.0.jar asks the Java it runs on for JavaScript, only to indent its JSON, and ends with a NullPointerException
after all its work where there is none. The class written here answers to that name and hands the text on as it is.
It is put together byte by byte because a JRE has no compiler. In Java it would read:

    public class Unindented extends javax.script.AbstractScriptEngine implements javax.script.ScriptEngineFactory {
        public String getEngineName() { return "Unindented"; }
        public List getNames() { return Collections.singletonList("JavaScript"); }
        public ScriptEngine getScriptEngine() { return this; }
        public Object eval(String script, ScriptContext context) { put("result", get("jsonString")); return null; }
    }

What the interfaces ask for besides is left out: nobody calls it. Class file format: chapter 4 of the JVM specification.
"""

from __future__ import annotations

import struct
from pathlib import Path

NAME = "Unindented"
PARENT = "javax/script/AbstractScriptEngine"
FACTORY = "javax/script/ScriptEngineFactory"
PUBLIC, SUPER = 0x0001, 0x0020
JAVA_8 = 52

# The few instructions that are needed.
ACONST_NULL, LDC, ALOAD_0, ARETURN, RETURN = b"\x01", b"\x12", b"\x2a", b"\xb0", b"\xb1"
INVOKEVIRTUAL, INVOKESPECIAL, INVOKESTATIC = b"\xb6", b"\xb7", b"\xb8"


class Pool:
    """The constants of a class file, each written once; `add` gives a constant's number, from 1."""

    def __init__(self) -> None:
        self.entries: list[bytes] = []

    def add(self, entry: bytes) -> int:
        """The number of an entry."""
        if entry not in self.entries:
            self.entries.append(entry)
        return self.entries.index(entry) + 1

    def text(self, text: str) -> int:
        """A name, a descriptor, or what a string holds."""
        data = text.encode("ascii")
        return self.add(struct.pack(">BH", 1, len(data)) + data)

    def type(self, name: str) -> int:
        """A class."""
        return self.add(struct.pack(">BH", 7, self.text(name)))

    def string(self, text: str) -> bytes:
        """The instruction that pushes a string."""
        return LDC + bytes([self.add(struct.pack(">BH", 8, self.text(text)))])

    def call(self, how: bytes, owner: str, name: str, descriptor: str) -> bytes:
        """The instruction that calls a method."""
        signature = self.add(struct.pack(">BHH", 12, self.text(name), self.text(descriptor)))
        return how + struct.pack(">H", self.add(struct.pack(">BHH", 10, self.type(owner), signature)))

    def method(self, name: str, descriptor: str, code: bytes, local: int) -> bytes:
        """A public method with `local` variables, its own object and parameters among them."""
        body = struct.pack(">HHI", 4, local, len(code)) + code + struct.pack(">HH", 0, 0)
        head = struct.pack(">HHHH", PUBLIC, self.text(name), self.text(descriptor), 1)
        return head + struct.pack(">HI", self.text("Code"), len(body)) + body


def class_file() -> bytes:
    """The bytes of the class."""
    pool = Pool()
    names = pool.string("JavaScript") + pool.call(
        INVOKESTATIC, "java/util/Collections", "singletonList", "(Ljava/lang/Object;)Ljava/util/List;"
    )
    read = pool.call(INVOKEVIRTUAL, NAME, "get", "(Ljava/lang/String;)Ljava/lang/Object;")
    write = pool.call(INVOKEVIRTUAL, NAME, "put", "(Ljava/lang/String;Ljava/lang/Object;)V")
    hand_on = ALOAD_0 + pool.string("result") + ALOAD_0 + pool.string("jsonString") + read + write
    methods = [
        pool.method("<init>", "()V", ALOAD_0 + pool.call(INVOKESPECIAL, PARENT, "<init>", "()V") + RETURN, 1),
        pool.method("getEngineName", "()Ljava/lang/String;", pool.string(NAME) + ARETURN, 1),
        pool.method("getNames", "()Ljava/util/List;", names + ARETURN, 1),
        pool.method("getScriptEngine", "()Ljavax/script/ScriptEngine;", ALOAD_0 + ARETURN, 1),
        pool.method(
            "eval",
            "(Ljava/lang/String;Ljavax/script/ScriptContext;)Ljava/lang/Object;",
            hand_on + ACONST_NULL + ARETURN,
            3,
        ),
    ]
    head = struct.pack(">HHHHHH", PUBLIC | SUPER, pool.type(NAME), pool.type(PARENT), 1, pool.type(FACTORY), 0)
    constants = struct.pack(">H", len(pool.entries) + 1) + b"".join(pool.entries)
    start = struct.pack(">IHH", 0xCAFEBABE, 0, JAVA_8)
    return start + constants + head + struct.pack(">H", len(methods)) + b"".join(methods) + struct.pack(">H", 0)


def write_engine(folder: Path) -> Path:
    """Put the class into a folder of its own under `folder`, to be named on a class path; that folder."""
    place = folder / "engine"
    services = place / "META-INF" / "services"
    services.mkdir(parents=True)
    (place / f"{NAME}.class").write_bytes(class_file())
    (services / FACTORY.replace("/", ".")).write_text(NAME, encoding="ascii")
    return place
