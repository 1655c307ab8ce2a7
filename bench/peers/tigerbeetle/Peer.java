// SPDX-License-Identifier: Apache-2.0
// The peer that is TigerBeetle: an account a person, and for each sale seven linked transfers from one account of the
// house. Who is above whom is the client's to know: it is kept in an array here.
//
//   java -cp JAR Peer.java PORT FOLDER SALES        FOLDER holds users.csv, sales.csv and the server's data file
//
// Prints figures as JSON; the time is from the first transfer until the last is acknowledged. Balances, looked up at the
// end, are left in FOLDER/balances.csv.
import com.tigerbeetle.AccountBatch;
import com.tigerbeetle.Client;
import com.tigerbeetle.CreateTransferResultBatch;
import com.tigerbeetle.IdBatch;
import com.tigerbeetle.TransferBatch;
import com.tigerbeetle.TransferFlags;
import com.tigerbeetle.UInt128;
import java.io.BufferedReader;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;

public class Peer {
    static final long[] RATES = {2000, 1500, 1000, 800, 500, 300, 200};  // of the default plan
    static final int NOBODY = -1;
    static final int BATCH = 8189;  // events of a message, at most
    static final int WAITING = 2;   // a batch is made while another is on its way
    static final long HOUSE = 1L << 32;

    static long account(int user) {
        return user + 1L;  // 0 is no id
    }

    static void check(int errors) {
        if (errors != 0) throw new IllegalStateException(errors + " were refused");
    }

    static void openAccounts(Client client, int users) throws Exception {
        for (int first = 0; first <= users; first += BATCH) {
            AccountBatch batch = new AccountBatch(Math.min(BATCH, users + 1 - first));
            for (int user = first; user <= users && user < first + BATCH; ++user) {
                batch.add();
                batch.setId(user == users ? HOUSE : account(user));
                batch.setLedger(1);
                batch.setCode(1);
            }
            check(client.createAccounts(batch).getLength());
        }
    }

    static double transfer(Client client, int[] referrers, int[] buyers, long[] amounts) throws Exception {
        Deque<CompletableFuture<CreateTransferResultBatch>> waiting = new ArrayDeque<>();
        long started = System.nanoTime();
        long id = 0;
        TransferBatch batch = new TransferBatch(BATCH);
        for (int sale = 0; sale < buyers.length; ++sale) {
            int user = referrers[buyers[sale]];
            for (int level = 0; level < RATES.length && user != NOBODY; ++level) {
                batch.add();
                batch.setId(++id);
                batch.setDebitAccountId(HOUSE);
                batch.setCreditAccountId(account(user));
                batch.setAmount(amounts[sale] * RATES[level] / 10_000);
                batch.setLedger(1);
                batch.setCode(1);
                user = referrers[user];
                if (level + 1 < RATES.length && user != NOBODY) batch.setFlags(TransferFlags.LINKED);
            }
            if (batch.getLength() + RATES.length <= BATCH && sale + 1 < buyers.length) continue;
            if (waiting.size() == WAITING) check(waiting.remove().get().getLength());
            waiting.add(client.createTransfersAsync(batch));
            batch = new TransferBatch(BATCH);
        }
        while (!waiting.isEmpty()) check(waiting.remove().get().getLength());
        return (System.nanoTime() - started) / 1e9;
    }

    static void writeBalances(Client client, int users, Path file) throws Exception {
        try (PrintWriter out = new PrintWriter(file.toFile())) {
            for (int first = 0; first < users; first += BATCH) {
                IdBatch ids = new IdBatch(Math.min(BATCH, users - first));
                for (int user = first; user < users && user < first + BATCH; ++user) ids.add(account(user));
                AccountBatch found = client.lookupAccounts(ids);
                while (found.next())
                    if (found.getCreditsPosted().signum() != 0)
                        out.println(found.getId(UInt128.LeastSignificant) - 1 + "," + found.getCreditsPosted());
            }
        }
    }

    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[1]);
        int sales = Integer.parseInt(arguments[2]);
        List<String> people = Files.readAllLines(folder.resolve("users.csv"));
        int[] referrers = people.stream().map(row -> row.split(",")[1])
            .mapToInt(referrer -> referrer.isEmpty() ? NOBODY : Integer.parseInt(referrer)).toArray();
        int[] buyers = new int[sales];
        long[] amounts = new long[sales];
        try (BufferedReader rows = Files.newBufferedReader(folder.resolve("sales.csv"))) {
            for (int sale = 0; sale < sales; ++sale) {
                String[] columns = rows.readLine().split(",");
                buyers[sale] = Integer.parseInt(columns[1]);
                amounts[sale] = Long.parseLong(columns[2]);
            }
        }
        try (Client client = new Client(UInt128.asBytes(0), new String[] {"127.0.0.1:" + arguments[0]})) {
            openAccounts(client, referrers.length);
            Path data = folder.resolve("data.tigerbeetle");
            long before = Files.size(data);
            double seconds = transfer(client, referrers, buyers, amounts);
            System.out.printf("{\"sales\": %d, \"seconds\": %.6f, \"bytes_per_sale\": %.1f}%n", sales, seconds,
                (double) (Files.size(data) - before) / sales);
            writeBalances(client, referrers.length, folder.resolve("balances.csv"));
        }
    }
}
