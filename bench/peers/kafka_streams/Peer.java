// SPDX-License-Identifier: Apache-2.0
// The peer that is Kafka Streams: the same balances by a processor with a RocksDB store, exactly once.
//
//   java -cp JARS Peer.java BROKER FOLDER SALES     FOLDER holds users.csv and sales.csv and is worked in
//
// One topic of one partition holds the people, then the sales, as Upline's log does. They are written before they are
// read. Prints figures as JSON; the time is from RUNNING until the last sale's transaction is committed. Balances are
// then read from the changelog topic, which is what survives a machine, into FOLDER/balances.csv.
import static org.apache.kafka.streams.CloseOptions.GroupMembershipOperation.LEAVE_GROUP;

import java.io.BufferedReader;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.function.Function;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.RocksDBConfigSetter;
import org.apache.kafka.streams.state.Stores;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.Cache;
import org.rocksdb.Options;

public class Peer {
    static final String APPLICATION = "upline-peer";
    static final String TOPIC = "upline-peer-events";
    static final TopicPartition EVENTS = new TopicPartition(TOPIC, 0);
    static final TopicPartition CHANGELOG = new TopicPartition(APPLICATION + "-people-changelog", 0);
    static final long[] RATES = {2000, 1500, 1000, 800, 500, 300, 200};  // of the default plan
    static final int NOBODY = -1;
    static final long DEADLINE_MS = 170_000;

    // A record's key is the person who signs up or buys, its value the referrer (4 bytes) or the cents (8 bytes).
    public static class Commissions implements Processor<Integer, byte[], Void, Void> {
        private KeyValueStore<Integer, byte[]> people;

        @Override
        public void init(ProcessorContext<Void, Void> context) {
            people = context.getStateStore("people");
        }

        @Override
        public void process(Record<Integer, byte[]> record) {
            ByteBuffer value = ByteBuffer.wrap(record.value());
            if (value.remaining() == Integer.BYTES) {
                people.put(record.key(), person(value.getInt(), 0));
                return;
            }
            long amount = value.getLong();
            int user = referrer(people.get(record.key()));
            for (int level = 0; level < RATES.length && user != NOBODY; ++level) {
                byte[] person = people.get(user);
                int next = referrer(person);
                people.put(user, person(next, balance(person) + amount * RATES[level] / 10_000));
                user = next;
            }
        }
    }

    // What the store holds of somebody, in one record, so that one look-up finds both.
    static byte[] person(int referrer, long balance) {
        return ByteBuffer.allocate(Integer.BYTES + Long.BYTES).putInt(referrer).putLong(balance).array();
    }

    static int referrer(byte[] person) {
        return ByteBuffer.wrap(person).getInt();
    }

    static long balance(byte[] person) {
        return ByteBuffer.wrap(person).getLong(Integer.BYTES);
    }

    // As the memory chapter of the documentation of Kafka Streams has it: one cache for all stores, with index and
    // filter blocks inside; and Bloom filters, which RocksDB's guide advises for point look-ups.
    public static class Settings implements RocksDBConfigSetter {
        private static final Cache CACHE = new org.rocksdb.LRUCache(1L << 30, -1, false, 0.1);
        private final BloomFilter filter = new BloomFilter(10);

        @Override
        public void setConfig(String store, Options options, Map<String, Object> configs) {
            BlockBasedTableConfig table = (BlockBasedTableConfig) options.tableFormatConfig();
            table.setBlockCache(CACHE);
            table.setCacheIndexAndFilterBlocks(true);
            table.setCacheIndexAndFilterBlocksWithHighPriority(true);
            table.setPinTopLevelIndexAndFilter(true);
            table.setFilterPolicy(filter);
            options.setTableFormatConfig(table);
            options.setWriteBufferSize(64L << 20);
            options.setMaxWriteBufferNumber(3);
        }

        @Override
        public void close(String store, Options options) {
            filter.close();
        }
    }

    static Topology topology() {
        return new Topology()
            .addSource("events", Serdes.Integer().deserializer(), new ByteArrayDeserializer(), TOPIC)
            .addProcessor("commissions", Commissions::new, "events")
            .addStateStore(Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("people"), Serdes.Integer(),
                Serdes.ByteArray()).withCachingEnabled(), "commissions");
    }

    static Properties settings(String broker, Path folder) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, APPLICATION);
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, broker);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, folder.resolve("state").toString());
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 1000);
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 512L << 20);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);  // one partition is one task
        settings.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, Settings.class);
        settings.put(StreamsConfig.consumerPrefix("max.poll.records"), 10_000);
        settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        settings.put(StreamsConfig.producerPrefix("batch.size"), 256 << 10);
        settings.put(StreamsConfig.producerPrefix("buffer.memory"), 128L << 20);
        settings.put(StreamsConfig.producerPrefix("linger.ms"), 100);
        settings.put(StreamsConfig.producerPrefix("transaction.timeout.ms"), 60_000);
        return settings;
    }

    static void append(String broker, Path csv, long limit, Function<String[], byte[]> value, int keyColumn)
        throws Exception {
        Map<String, Object> config = Map.of("bootstrap.servers", broker, "acks", "all", "batch.size", 256 << 10,
            "linger.ms", 20);
        try (KafkaProducer<byte[], byte[]> producer =
                 new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer());
             BufferedReader rows = Files.newBufferedReader(csv)) {
            String row;
            for (long i = 0; i < limit && (row = rows.readLine()) != null; ++i) {
                String[] columns = row.split(",");
                byte[] key = ByteBuffer.allocate(4).putInt(Integer.parseInt(columns[keyColumn])).array();
                producer.send(new ProducerRecord<>(TOPIC, 0, key, value.apply(columns)), (metadata, failed) -> {
                    if (failed != null) die("a record was not delivered: " + failed);
                });
            }
        }
    }

    static void die(String why) {
        System.err.println("Peer: " + why);
        Runtime.getRuntime().halt(2);
    }

    static long end(KafkaConsumer<byte[], byte[]> consumer, TopicPartition partition) {
        return consumer.endOffsets(List.of(partition)).get(partition);
    }

    // Runs until all that the topic holds is committed, and returns the seconds from RUNNING to there.
    static double process(String broker, Path folder, Admin admin, long end) throws Exception {
        KafkaStreams streams = new KafkaStreams(topology(), settings(broker, folder));
        try {
            streams.setUncaughtExceptionHandler(failed -> {
                failed.printStackTrace();
                die("the stream thread failed");
                return null;
            });
            long deadline = System.currentTimeMillis() + DEADLINE_MS;
            streams.start();
            while (streams.state() != KafkaStreams.State.RUNNING) Thread.sleep(1);
            long started = System.nanoTime();
            while (true) {
                var committed = admin.listConsumerGroupOffsets(APPLICATION).partitionsToOffsetAndMetadata().get()
                    .get(EVENTS);
                if (committed != null && committed.offset() >= end) break;
                if (System.currentTimeMillis() > deadline) die("not done in time");
                Thread.sleep(20);
            }
            return (System.nanoTime() - started) / 1e9;
        } finally {
            // Unless it leaves, the next to start waits until the group takes it for dead.
            streams.close(CloseOptions.groupMembershipOperation(LEAVE_GROUP).withTimeout(Duration.ofSeconds(30)));
        }
    }

    static long stored(Path folder, Admin admin) throws Exception {
        long bytes = admin.describeLogDirs(List.of(1)).allDescriptions().get().get(1).values().stream()
            .mapToLong(dir -> dir.replicaInfos().get(CHANGELOG).size()).sum();
        try (Stream<Path> files = Files.walk(folder.resolve("state"))) {
            bytes += files.filter(Files::isRegularFile).mapToLong(file -> file.toFile().length()).sum();
        }
        return bytes;
    }

    static Map<Integer, Long> readChangelog(KafkaConsumer<byte[], byte[]> consumer) {
        Map<Integer, Long> balances = new HashMap<>();
        long end = end(consumer, CHANGELOG);
        consumer.assign(List.of(CHANGELOG));
        consumer.seekToBeginning(List.of(CHANGELOG));
        while (consumer.position(CHANGELOG) < end)
            for (var record : consumer.poll(Duration.ofSeconds(1)))
                balances.put(ByteBuffer.wrap(record.key()).getInt(), balance(record.value()));
        return balances;
    }

    public static void main(String[] arguments) throws Exception {
        String broker = arguments[0];
        Path folder = Path.of(arguments[1]);
        long sales = Long.parseLong(arguments[2]);
        Map<String, Object> reading = Map.of("bootstrap.servers", broker, "isolation.level", "read_committed",
            "group.id", APPLICATION + "-check", "enable.auto.commit", false);
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", broker));
             KafkaConsumer<byte[], byte[]> consumer =
                 new KafkaConsumer<>(reading, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            admin.createTopics(List.of(new NewTopic(TOPIC, 1, (short) 1))).all().get();
            append(broker, folder.resolve("users.csv"), Long.MAX_VALUE, columns -> ByteBuffer.allocate(4)
                .putInt(columns[1].isEmpty() ? NOBODY : Integer.parseInt(columns[1])).array(), 0);
            process(broker, folder, admin, end(consumer, EVENTS));
            long before = stored(folder, admin);
            append(broker, folder.resolve("sales.csv"), sales,
                columns -> ByteBuffer.allocate(8).putLong(Long.parseLong(columns[2])).array(), 1);
            double seconds = process(broker, folder, admin, end(consumer, EVENTS));
            System.out.printf("{\"sales\": %d, \"seconds\": %.6f, \"bytes_per_sale\": %.1f}%n", sales, seconds,
                (double) (stored(folder, admin) - before) / sales);
            try (PrintWriter out = new PrintWriter(folder.resolve("balances.csv").toFile())) {
                readChangelog(consumer).forEach((user, balance) -> {
                    if (balance != 0) out.println(user + "," + balance);
                });
            }
        }
        // Streams leaves threads of its own for a while.
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }
}
