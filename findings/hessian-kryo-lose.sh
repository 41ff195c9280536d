#!/usr/bin/env bash
# Hessian 4.0.38, Kryo 2.20 (Java): a BitSet comes back empty, a set that ignores case doesn't any more, a subclass' field has its parent's value.
#
# Expected: both write any Serializable class, or any class, and read an equal object, or say that they can't. Java's own serialization
#   does so for all that is below.
# Seen: no error, and another object. Both: BitSet empty, a TreeSet without its comparator, so that contains("A") is false; the fields of one's
#   own in a subclass of HashMap have what the constructor gives. Hessian too: a reversed TreeMap is in the usual order; of two fields
#   `name` in a class and its subclass the outer has the inner's value and that one is null; a Timestamp ends at its milliseconds; a
#   Calendar is in the machine's zone; a Character is a String; with Debian's jar, which has no list of serializers, 1.10 as BigDecimal is
#   0.00. Kryo too: a Timestamp and java.sql.Date are java.util.Date, which fails where it is cast.
# Who meets it: RPC and session caches on them: permissions as BitSets are none, prices zero, and the tests with strings and lists pass.
# Instead: serializers for these classes (Kryo.register), plain classes for what is cached, or a test that compares what is read.
source "$(dirname "$0")/lib.bash"

debian_packages libhessian-java=4.0.38-2.1 libkryo-java=2.20-7 libreflectasm-java=1.11.9+dfsg-4 libminlog-java=1.3.0-1.1 libobjenesis-java=3.3-3 \
  libasm-java=9.4-1
cat > "$tmp/Main.java" <<'JAVA'
import com.caucho.hessian.io.*;
import com.esotericsoftware.kryo.Kryo;
import com.esotericsoftware.kryo.io.*;
import java.io.*;
import java.math.BigDecimal;
import java.sql.Timestamp;
import java.util.*;

public class Main {
    public static class Page extends HashMap<String, String> {
        public String etag = "none";
    }

    public static class Person implements Serializable {
        protected String name;
    }

    public static class Employee extends Person {
        protected String name;

        String both() {
            return super.name + ", " + name;
        }
    }

    static Object java(Object value) throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        new ObjectOutputStream(bytes).writeObject(value);
        return new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray())).readObject();
    }

    static Object hessian(Object value) throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        Hessian2Output output = new Hessian2Output(bytes);
        output.writeObject(value);
        output.flush();
        return new Hessian2Input(new ByteArrayInputStream(bytes.toByteArray())).readObject();
    }

    static Object kryo(Object value) {
        Output output = new Output(1024, -1);
        new Kryo().writeClassAndObject(output, value);
        return new Kryo().readClassAndObject(new Input(output.toBytes()));
    }

    static String show(Object value) {
        if (value instanceof TreeSet<?> set) return set + ", contains(\"A\") " + ((TreeSet<Object>) set).contains("A");
        if (value instanceof Page page) return page + ", etag " + page.etag;
        if (value instanceof Employee employee) return employee.both();
        if (value instanceof Calendar calendar) return calendar.getTimeZone().getID();
        return value.getClass().getName() + " " + value;
    }

    static void look(String name, Object value, String hessian, String kryo) throws Exception {
        String written = show(value), byHessian = show(hessian(value)), byKryo = show(kryo(value));
        System.out.printf("%s: %s | Hessian: %s | Kryo: %s%n", name, written, byHessian, byKryo);
        if (!show(java(value)).equals(written) || !byHessian.equals(hessian) || !byKryo.equals(kryo)) throw new AssertionError(name);
    }

    public static void main(String[] arguments) throws Exception {
        look("BitSet", BitSet.valueOf(new long[] { 5 }), "java.util.BitSet {}", "java.util.BitSet {}");
        TreeSet<String> names = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);
        names.addAll(List.of("a", "B"));
        look("TreeSet that ignores case", names, "[B, a], contains(\"A\") false", "[B, a], contains(\"A\") false");
        Page page = new Page();
        page.put("title", "a");
        page.etag = "\"5\"";
        look("HashMap with a field", page, "{title=a}, etag none", "{title=a}, etag none");
        TreeMap<Integer, String> reversed = new TreeMap<>(Comparator.reverseOrder());
        reversed.putAll(Map.of(1, "a", 2, "b"));
        look("reversed TreeMap", reversed, "java.util.TreeMap {1=a, 2=b}", "java.util.TreeMap {2=b, 1=a}");
        Employee employee = new Employee();
        ((Person) employee).name = "parent's";
        employee.name = "own";
        look("two fields `name`", employee, "null, parent's", "parent's, own");
        Timestamp time = new Timestamp(1000);
        time.setNanos(123456789);
        String second = "1970-01-01 00:00:01.123";
        look("Timestamp", time, "java.sql.Timestamp " + second, "java.util.Date " + new Date(1123));
        look("java.sql.Date", new java.sql.Date(0), "java.sql.Date 1970-01-01", "java.util.Date " + new Date(0));
        look("Calendar", new GregorianCalendar(TimeZone.getTimeZone("Asia/Tokyo")), TimeZone.getDefault().getID(), "Asia/Tokyo");
        look("Character", 'c', "java.lang.String c", "java.lang.Character c");
        look("BigDecimal", new BigDecimal("1.10"), "java.math.BigDecimal 0.00", "java.math.BigDecimal 1.10");
    }
}
JAVA
jars=$(printf '%s:' "$tmp"/deb/usr/share/java/{hessian,kryo,reflectasm,minlog,objenesis,asm}.jar)
javac -nowarn -Xlint:none -d "$tmp" -cp "$jars" "$tmp/Main.java" 2> "$tmp/javac.out" || { cat "$tmp/javac.out"; exit 1; }
for package in lang util math; do opens+=("--add-opens=java.base/java.$package=ALL-UNNAMED"); done
java "${opens[@]}" "--add-opens=java.sql/java.sql=ALL-UNNAMED" -cp "$tmp:$jars" Main
