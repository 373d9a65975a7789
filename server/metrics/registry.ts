/** Numbers in Prometheus' text format (version 0.0.4). */

type Labels = Readonly<Record<string, string>>;

/** Something that a scrape shows. */
export interface Metric {
  /** Its lines, `# HELP` and `# TYPE` included, each with its line feed. */
  text(): string;
}

export interface Counter extends Metric {
  add(labels: Labels, by?: number): void;
}

export interface Histogram extends Metric {
  observe(labels: Labels, value: number): void;
}

/** One value of a gauge at the time of a scrape. */
export interface Sample {
  readonly labels?: Labels;
  readonly value: number;
}

/** Combinations of label values that one metric keeps; what comes after counts as `other`, so that nobody fills the memory by asking for new ones. */
const MOST_SERIES = 2_000;

/** Names that go to a metric's labels: changed at the time of a scrape, for names change and numbers stay. */
export type Relabel = (labels: Labels) => Labels;

/** A number that only grows, by labels. */
export function counter(name: string, help: string, relabel: Relabel = same): Counter {
  const series = new Map<string, { readonly labels: Labels; value: number }>();
  return {
    add(labels, by = 1) {
      const one = seriesOf(series, labels, () => ({ labels, value: 0 }));
      one.value += by;
    },
    text() {
      const sums = new Map<string, number>();
      for (const { labels, value } of series.values()) {
        const key = shown(relabel(labels));
        sums.set(key, (sums.get(key) ?? 0) + value);
      }
      const lines = [...sums].map(([labels, value]) => `${name}${labels} ${value}\n`);
      return `${head(name, help, "counter")}${lines.join("")}`;
    },
  };
}

/** How often values lay under each of `bounds` (ascending), by labels. */
export function histogram(name: string, help: string, bounds: readonly number[]): Histogram {
  const series = new Map<string, { readonly labels: Labels; readonly counts: number[]; sum: number }>();
  return {
    observe(labels, value) {
      const one = seriesOf(series, labels, () => ({ labels, counts: new Array(bounds.length + 1).fill(0), sum: 0 }));
      const at = bounds.findIndex((bound) => value <= bound);
      const bucket = at < 0 ? bounds.length : at;
      one.counts[bucket] = (one.counts[bucket] ?? 0) + 1;
      one.sum += value;
    },
    text() {
      let text = head(name, help, "histogram");
      for (const { labels, counts, sum } of series.values()) {
        let count = 0;
        counts.forEach((n, i) => {
          count += n;
          text += `${name}_bucket${shown({ ...labels, le: String(bounds[i] ?? "+Inf") })} ${count}\n`;
        });
        text += `${name}_sum${shown(labels)} ${sum}\n${name}_count${shown(labels)} ${count}\n`;
      }
      return text;
    },
  };
}

/** Values that are asked for when they are shown. */
export function gauge(name: string, help: string, samples: () => readonly Sample[]): Metric {
  return {
    text() {
      const lines = samples().map(({ labels = {}, value }) => `${name}${shown(labels)} ${value}\n`);
      return lines.length === 0 ? "" : `${head(name, help, "gauge")}${lines.join("")}`;
    },
  };
}

function seriesOf<T>(series: Map<string, T>, labels: Labels, make: () => T): T {
  const key = Object.values(labels).join("\0");
  const known = series.get(key);
  if (known) return known;
  if (series.size >= MOST_SERIES) {
    const other = Object.fromEntries(Object.keys(labels).map((name) => [name, "other"]));
    if (Object.values(other).join("\0") !== key) return seriesOfOther(series, other, make);
  }
  const fresh = make();
  series.set(key, fresh);
  return fresh;
}

/** The first series stays in the place of all that do not fit. */
function seriesOfOther<T>(series: Map<string, T>, other: Labels, make: () => T): T {
  const key = Object.values(other).join("\0");
  const fresh = series.get(key) ?? { ...make(), labels: other };
  series.set(key, fresh);
  return fresh;
}

function head(name: string, help: string, type: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

function shown(labels: Labels): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escapeValue(value)}"`);
  return parts.length === 0 ? "" : `{${parts.join(",")}}`;
}

function escapeValue(value: string): string {
  return value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n");
}

function same(labels: Labels): Labels {
  return labels;
}
