/**
 * dynalite's store, made fit for a process that may be killed at any moment.
 *
 * dynalite keeps all tables in one LevelDB: `table~<name>` describes a table, `item-<table>~<key>` is an item and
 * `index-global~<table>~<index>~<key>` its entry in an index (db/index.js of dynalite 4). LevelDB hands each record to
 * the operating system before it answers, so nothing answered dies with the process; what is missing are batches.
 */

/** Node's convention, as dynalite calls it: the error is null or undefined on success. */
export type Callback<T> = (error: Error | null | undefined, value?: T) => void;

/** One of the attributes that make up a key. */
export interface KeyPart {
  readonly AttributeName: string;
  readonly KeyType: "HASH" | "RANGE";
}

/** A description of a table as stored. */
export interface StoredTable {
  TableName: string;
  TableStatus: string;
  AttributeDefinitions?: unknown;
  KeySchema?: readonly KeyPart[];
  GlobalSecondaryIndexes?: { IndexStatus?: string; readonly KeySchema?: readonly KeyPart[] }[];
  TimeToLiveSpecification?: { AttributeName: string; Enabled: boolean };
}

/** One part of the store, its keys without their prefix. */
interface SubStore {
  get(key: string, callback: Callback<unknown>): void;
  put(key: string, value: unknown, callback: Callback<void>): void;
  del(key: string, callback: Callback<void>): void;
  lock(key: string, action: (release: <F>(callback: F) => F) => void): void;
}

type BatchOperation =
  | { readonly type: "put"; readonly key: string; readonly value: unknown }
  | { readonly type: "del"; readonly key: string };

interface Range {
  readonly gte: string;
  readonly lt: string;
}

/** What of dynalite's store is used here. */
export interface DynaliteStore {
  readonly db: {
    open(): Promise<void>;
    close(): Promise<void>;
    batch(operations: readonly BatchOperation[], callback: Callback<void>): void;
    put(key: string, value: unknown): Promise<void>;
    clear(range: Range): Promise<void>;
    iterator(range: Range): AsyncIterable<[string, StoredTable]>;
  };
  readonly tableDb: SubStore;
  /** Without `mustBeActive`, which may be left out, tables in the making are found too. */
  getTable(name: string, mustBeActive: boolean | Callback<StoredTable>, callback?: Callback<StoredTable>): void;
  getItemDb(table: string): SubStore;
  getIndexDb(type: string, table: string, index: string): SubStore;
}

/**
 * A view of the store through which an item and its index entries are written in one LevelDB batch.
 *
 * dynalite's writes call `put` and `del` of the index parts and then, in the same turn of the event loop as soon as
 * those call back, `put` or `del` of the item part. So index changes are held back until the item's change comes,
 * and all go together. Reads, locks and everything else are the store's own.
 */
export function atomicWrites(store: DynaliteStore): DynaliteStore {
  let held: BatchOperation[] = [];
  const hold = (operation: BatchOperation, callback: Callback<void>): void => {
    held.push(operation);
    callback(null);
  };
  const commit = (operation: BatchOperation, callback: Callback<void>): void => {
    const operations = [...held, operation];
    held = [];
    store.db.batch(operations, callback);
  };
  return {
    ...store,
    getItemDb(table) {
      const real = store.getItemDb(table);
      const prefix = `item-${table}~`;
      return {
        ...real,
        put: (key, value, callback) => commit({ type: "put", key: prefix + key, value }, callback),
        del: (key, callback) => commit({ type: "del", key: prefix + key }, callback),
      };
    },
    getIndexDb(type, table, index) {
      const real = store.getIndexDb(type, table, index);
      const prefix = `index-${type.toLowerCase()}~${table}~${index}~`;
      return {
        ...real,
        put: (key, value, callback) => hold({ type: "put", key: prefix + key, value }, callback),
        del: (key, callback) => hold({ type: "del", key: prefix + key }, callback),
      };
    },
  };
}

/**
 * A view of the store that reads the description of an active table once and not with every item, for operations that
 * only look at it. Writes of descriptions through the store itself are seen from the moment they begin.
 */
export function rememberTables(store: DynaliteStore): DynaliteStore {
  const known = new Map<string, StoredTable>();
  /** Grows with each write: what was read beside one is not kept. */
  let writes = 0;
  const forget = (): void => {
    writes++;
    known.clear();
  };
  const { tableDb } = store;
  const put = tableDb.put.bind(tableDb);
  const del = tableDb.del.bind(tableDb);
  const forgetting =
    (callback: Callback<void>): Callback<void> =>
    (error) => {
      forget();
      callback(error);
    };
  tableDb.put = (key, value, callback) => {
    forget();
    put(key, value, forgetting(callback));
  };
  tableDb.del = (key, callback) => {
    forget();
    del(key, forgetting(callback));
  };
  return {
    ...store,
    getTable(name, mustBeActiveOrCallback, givenCallback) {
      const callback = typeof mustBeActiveOrCallback === "function" ? mustBeActiveOrCallback : givenCallback;
      const table = known.get(name);
      if (table !== undefined) return callback?.(null, table);
      const before = writes;
      store.getTable(name, mustBeActiveOrCallback === true, (error, found) => {
        if (found?.TableStatus === "ACTIVE" && before === writes) known.set(name, found);
        callback?.(error, found);
      });
    },
  };
}

/**
 * Completes what a killed process left half done to tables: those being created or changed become active (dynalite
 * does that by a timer), those being deleted go, with all their items and index entries.
 */
export async function finishTableChanges(store: DynaliteStore): Promise<void> {
  for await (const [key, table] of store.db.iterator(prefixRange("table~"))) {
    if (table.TableStatus === "DELETING") {
      for (const part of [`item-${table.TableName}~`, `tag-${table.TableName}~`]) {
        await store.db.clear(prefixRange(part));
      }
      for (const type of ["global", "local"]) await store.db.clear(prefixRange(`index-${type}~${table.TableName}~`));
      await store.db.clear({ gte: key, lt: `${key}\0` });
    } else if (table.TableStatus !== "ACTIVE") {
      table.TableStatus = "ACTIVE";
      for (const index of table.GlobalSecondaryIndexes ?? []) index.IndexStatus = "ACTIVE";
      await store.db.put(key, table);
    }
  }
}

function prefixRange(prefix: string): Range {
  return { gte: prefix, lt: `${prefix}\u{10ffff}` };
}
