import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.protocol.types.RawTaggedField;

import java.io.File;
import java.lang.reflect.InvocationTargetException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Random;

/**
 * Prints golden vectors, one JSON object a line: what Kafka's own classes make of every message at every version.
 * Arguments: the folder with Kafka's definitions (common/message), then the names of coordinator messages to include.
 *
 * Three vectors per message and version: "default" (nothing set), "filled" (every field set, several elements, and an unknown
 * tagged field), "extreme" (nulls where allowed, smallest and largest numbers, long and empty texts). int64 values are
 * printed as decimal strings, because JavaScript would round them.
 */
public class GoldenMessages {
    static final JsonNodeFactory NODES = JsonNodeFactory.instance;
    static final ObjectMapper MAPPER = JsonMapper.builder().enable(JsonReadFeature.ALLOW_JAVA_COMMENTS).build();
    static final String LONG_TEXT = "lange Zeile \u4e16\u754c ".repeat(60);

    final JsonNode definition;
    final short version;
    final boolean isExtreme;
    final Map<String, JsonNode> structs = new HashMap<>();
    final Random random;
    int counter = 0;

    GoldenMessages(JsonNode definition, short version, boolean isExtreme) {
        this.definition = definition;
        this.version = version;
        this.isExtreme = isExtreme;
        this.random = new Random(definition.get("name").asText().hashCode() * 31L + version);
        definition.path("commonStructs").forEach(struct -> structs.put(struct.get("name").asText(), struct.get("fields")));
    }

    public static void main(String[] args) throws Exception {
        File[] files = new File(args[0]).listFiles((directory, name) -> name.endsWith(".json"));
        Arrays.sort(files);
        var coordinatorMessages = Arrays.asList(args).subList(1, args.length);
        for (File file : files) {
            JsonNode definition = MAPPER.readTree(file);
            String type = definition.get("type").asText();
            if (definition.get("validVersions").asText().equals("none")) continue;
            if (type.startsWith("coordinator-") && !coordinatorMessages.contains(definition.get("name").asText())) continue;
            short[] versions = range(definition.get("validVersions").asText());
            for (short version = versions[0]; version <= versions[1]; version++) printVectors(definition, version);
        }
        for (ApiMessageType type : ApiMessageType.values()) printHeaderVersions(type);
    }

    static void printVectors(JsonNode definition, short version) throws Exception {
        Class<?> dataClass = dataClass(definition);
        Message empty = (Message) dataClass.getConstructor().newInstance();
        print(definition, version, "default", empty, write(empty, version));
        for (boolean isExtreme : new boolean[] {false, true}) {
            GoldenMessages maker = new GoldenMessages(definition, version, isExtreme);
            JsonNode json = maker.struct(definition.get("fields"));
            Message message = read(dataClass, json, version);
            if (!isExtreme && contains(definition.path("flexibleVersions").asText("none"), version)) {
                message.unknownTaggedFields().add(new RawTaggedField(9999, new byte[] {1, 2, 3}));
                message.unknownTaggedFields().add(new RawTaggedField(10001, new byte[0]));
            }
            // What was put in, not what Kafka's converter prints: it leaves out the bytes of `records`.
            print(definition, version, isExtreme ? "extreme" : "filled", message, json);
        }
    }

    static void print(JsonNode definition, short version, String variant, Message message, JsonNode json) throws Exception {
        ByteBuffer buffer = MessageUtil.toByteBufferAccessor(message, version).buffer();
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        ObjectNode line = NODES.objectNode();
        line.put("name", definition.get("name").asText()).put("version", version).put("variant", variant);
        line.set("json", withTextualLongs(json));
        line.put("hex", HexFormat.of().formatHex(bytes));
        System.out.println(line);
    }

    static void printHeaderVersions(ApiMessageType type) {
        for (short v = type.lowestSupportedVersion(); v <= type.highestSupportedVersion(true); v++) {
            System.out.println(NODES.objectNode().put("headersOf", type.apiKey()).put("version", v)
                .put("request", type.requestHeaderVersion(v)).put("response", type.responseHeaderVersion(v)));
        }
    }

    static Class<?> dataClass(JsonNode definition) throws ClassNotFoundException {
        String name = definition.get("name").asText();
        return switch (definition.get("type").asText()) {
            case "data" -> Class.forName("org.apache.kafka.common.message." + name);
            case "coordinator-key", "coordinator-value" -> Class.forName("org.apache.kafka.coordinator."
                + (name.startsWith("TransactionLog") ? "transaction" : "group") + ".generated." + name);
            default -> Class.forName("org.apache.kafka.common.message." + name + "Data");
        };
    }

    static Message read(Class<?> dataClass, JsonNode json, short version) throws Exception {
        Class<?> converter = Class.forName(dataClass.getName() + "JsonConverter");
        try {
            return (Message) converter.getMethod("read", JsonNode.class, short.class).invoke(null, json, version);
        } catch (InvocationTargetException e) {
            throw new IllegalStateException(dataClass.getName() + " v" + version + ": " + json, e.getCause());
        }
    }

    static JsonNode write(Message message, short version) throws Exception {
        Class<?> converter = Class.forName(message.getClass().getName() + "JsonConverter");
        return (JsonNode) converter.getMethod("write", message.getClass(), short.class).invoke(null, message, version);
    }

    /** Only int64 fields become LongNodes. */
    static JsonNode withTextualLongs(JsonNode node) {
        if (node.isLong()) return NODES.textNode(node.asText());
        if (node instanceof ArrayNode array) {
            for (int i = 0; i < array.size(); i++) array.set(i, withTextualLongs(array.get(i)));
        } else if (node instanceof ObjectNode object) {
            object.fieldNames().forEachRemaining(name -> object.set(name, withTextualLongs(object.get(name))));
        }
        return node;
    }

    ObjectNode struct(JsonNode fields) {
        ObjectNode object = NODES.objectNode();
        for (JsonNode field : fields) {
            if (!contains(field.path("versions").asText(field.path("taggedVersions").asText("none")), version)) continue;
            String name = field.get("name").asText();
            object.set(Character.toLowerCase(name.charAt(0)) + name.substring(1), value(field));
        }
        return object;
    }

    JsonNode value(JsonNode field) {
        String type = field.get("type").asText();
        if (isExtreme && contains(field.path("nullableVersions").asText("none"), version)) return NODES.nullNode();
        if (!type.startsWith("[]")) return single(type, field);
        ArrayNode array = NODES.arrayNode();
        int count = isExtreme ? 1 : 2 + random.nextInt(2);
        for (int i = 0; i < count; i++) array.add(single(type.substring(2), field));
        return array;
    }

    JsonNode single(String type, JsonNode field) {
        counter++;
        return switch (type) {
            case "bool" -> NODES.booleanNode(!field.path("default").asText().equals("true"));
            case "int8" -> NODES.numberNode((byte) integer(Byte.MIN_VALUE, Byte.MAX_VALUE));
            case "int16" -> NODES.numberNode((short) integer(Short.MIN_VALUE, Short.MAX_VALUE));
            case "uint16" -> NODES.numberNode((int) integer(0, 65535));
            case "int32" -> NODES.numberNode((int) integer(Integer.MIN_VALUE, Integer.MAX_VALUE));
            case "int64" -> NODES.numberNode(int64());
            case "float64" -> NODES.numberNode(isExtreme ? -1.5e300 : random.nextGaussian());
            case "string" -> NODES.textNode(text());
            case "bytes", "records" -> NODES.binaryNode(bytes());
            case "uuid" -> NODES.textNode(new Uuid(random.nextLong(), isExtreme ? -1 : random.nextLong()).toString());
            default -> struct(field.has("fields") ? field.get("fields") : structs.get(type));
        };
    }

    long integer(long least, long most) {
        if (isExtreme) return counter % 2 == 0 ? least : most;
        return least + (long) (random.nextDouble() * (most - least));
    }

    long int64() {
        if (isExtreme) return counter % 2 == 0 ? Long.MIN_VALUE : Long.MAX_VALUE;
        return counter % 2 == 0 ? (1L << 53) + 1 : random.nextLong();
    }

    String text() {
        if (isExtreme) return counter % 2 == 0 ? LONG_TEXT : "";
        return "h\u00e9llo-\u4e16\u754c-\ud83c\udfae-" + counter;
    }

    byte[] bytes() {
        byte[] bytes = new byte[isExtreme ? 5000 : random.nextInt(40)];
        if (!isExtreme) random.nextBytes(bytes);
        return bytes;
    }

    static boolean contains(String versions, short version) {
        if (versions.equals("none")) return false;
        short[] range = range(versions);
        return version >= range[0] && version <= range[1];
    }

    static short[] range(String versions) {
        if (versions.endsWith("+")) return new short[] {Short.parseShort(versions.replace("+", "")), Short.MAX_VALUE};
        String[] ends = versions.split("-");
        return new short[] {Short.parseShort(ends[0]), Short.parseShort(ends[ends.length - 1])};
    }
}
