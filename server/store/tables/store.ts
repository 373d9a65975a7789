/** Tables of the store itself. */

export interface StoreTables {
  setting: SettingTable;
  counter: CounterTable;
}

/** One setting, its value as JSON. */
export interface SettingTable {
  key: string;
  value: string;
}

/** Counters whose values are never given twice: `node` keys of the tree are taken in blocks. */
export interface CounterTable {
  name: string;
  next: number;
}
