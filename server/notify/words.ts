/** What a notice says, in the language of its owner. */
import type { Notice, NoticeState, NoticeSubject } from "./notifier.ts";

/** Languages of messages (setting `notify_language`). */
export const LANGUAGES = ["zh-CN", "en"] as const;
export type Language = (typeof LANGUAGES)[number];

/** What is sent. */
export interface Message {
  readonly title: string;
  /** Some lines of plain text, without the address. */
  readonly text: string;
  /** Where it can be set right; absent while the server does not know its own address. */
  readonly url?: string;
}

interface Words {
  subject(subject: NoticeSubject): string;
  readonly states: Readonly<Record<NoticeState, string>>;
  readonly taskFailed: string;
  readonly testTitle: string;
  readonly testText: string;
}

const WORDS: Readonly<Record<Language, Words>> = {
  "zh-CN": {
    subject(subject) {
      if (subject.kind === "account") return `账号 ${subject.name}（${subject.accountKind}）`;
      if (subject.kind === "mount") return `存储 ${subject.mountPath}`;
      if (subject.kind === "task") return `任务 ${subject.taskKind}：${route(subject)}`;
      return "自动备份";
    },
    states: {
      "login-required": "需要重新登录",
      "action-needed": "需要处理",
      blocked: "已被服务方限制",
      "cooling-down": "请求过多，正在冷却",
      failed: "无法使用",
      ok: "已恢复",
    },
    taskFailed: "失败",
    testTitle: "Pandav 测试消息",
    testText: "收到这条消息，说明通知已经可以使用。",
  },
  en: {
    subject(subject) {
      if (subject.kind === "account") return `Account ${subject.name} (${subject.accountKind})`;
      if (subject.kind === "mount") return `Storage ${subject.mountPath}`;
      if (subject.kind === "task") return `Task ${subject.taskKind}: ${route(subject)}`;
      return "Automatic backup";
    },
    states: {
      "login-required": "login required",
      "action-needed": "needs attention",
      blocked: "blocked by its service",
      "cooling-down": "too many requests, cooling down",
      failed: "failing",
      ok: "works again",
    },
    taskFailed: "failed",
    testTitle: "Test message of Pandav",
    testText: "Notifications work: you have received this message.",
  },
};

/** The pages of the panel that set things right, below the server's address. */
const PAGES: Readonly<Record<NoticeSubject["kind"], string>> = {
  account: "/@manage/accounts",
  mount: "/@manage/storages",
  task: "/@manage/tasks",
  backup: "/@manage/settings",
};

/** A notice in words. `siteUrl`: the server's address, without a slash at its end; empty where it is not known. */
export function toMessage(notice: Notice, language: Language, siteUrl: string): Message {
  const words = WORDS[language];
  const { subject, state, message } = notice;
  const how = subject.kind === "task" && state === "failed" ? words.taskFailed : words.states[state];
  const title = `Pandav: ${words.subject(subject)} ${how}`;
  return { title, text: message || title, ...(siteUrl && { url: siteUrl + PAGES[subject.kind] }) };
}

/** What the test button sends. */
export function testMessage(language: Language, siteUrl: string): Message {
  const { testTitle, testText } = WORDS[language];
  return { title: testTitle, text: testText, ...(siteUrl && { url: siteUrl }) };
}

function route({ from, to }: Extract<NoticeSubject, { kind: "task" }>): string {
  return to === undefined ? from : `${from} → ${to}`;
}
