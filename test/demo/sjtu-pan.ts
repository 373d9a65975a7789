/** SJTU Pan in the demo: its simulator with two students. */
import { addSampleFiles } from "#test/simulators/sjtu-pan/sample-files.ts";
import { startSjtuPan } from "#test/simulators/sjtu-pan/start.ts";
import type { DemoService, ShownCode } from "./service.ts";

const STUDENTS = ["林小明", "王小红"];

/** Where a second student's drive goes. */
const SECOND = "/xiaohong";

/** Starts the simulator on free ports, with files in both drives. */
export async function startSjtuPanDemo(): Promise<DemoService> {
  const pan = await startSjtuPan({ accounts: STUDENTS.map((nickname) => ({ nickname })) });
  addSampleFiles(pan.files);
  const second = pan.filesOf(1);
  second.put("小红的笔记.md", "# 小红的笔记\n");
  second.put("docs/b.txt", "B".repeat(391));
  let told = 0;
  return {
    title: "SJTU Pan",
    mountPath: "/sjtu",
    smallFile: "docs/a.txt",
    upstreams: pan.upstreams,
    login: { args: ["auth", "--stdin"], stdin: `JAAuthCookie=${pan.credentials().cookie}\n` },
    people: STUDENTS,
    look: [
      { line: "pandav ls" },
      { line: "pandav ls -lh 视频" },
      { line: "pandav cat docs/a.txt" },
      { line: "pandav upload README.md docs/" },
      { line: "pandav tree" },
      { line: "pandav df" },
    ],
    logins: [
      { line: "pandav logout", what: "names can still be listed, contents ask for a login" },
      { line: "pandav auth", what: `shows a QR code; confirm it as ${STUDENTS[0]}, and /sjtu works again` },
      {
        line: `pandav auth --force --mount ${SECOND}`,
        what: `another code; confirm it as ${STUDENTS[1]}, whose drive is then ${SECOND}`,
      },
      { line: "pandav whoami" },
    ],
    codes() {
      const codes: ShownCode[] = [];
      for (const { uuid, confirmedBy } of pan.qr.sessions.values()) {
        const code = pan.qr.lastCode(uuid);
        if (confirmedBy || !code || pan.world.now() - code.ts > pan.knobs.qr.codeLifeMs) continue;
        const query = new URLSearchParams({ uuid, ts: String(code.ts), sig: code.sig });
        codes.push({ id: uuid, link: `${pan.origins.jaccount}/jaccount/confirmscancode?${query}` });
      }
      return codes;
    },
    confirm(id, person) {
      const code = pan.qr.lastCode(id);
      const account = pan.world.accounts[person];
      if (!code || !account || pan.qr.find(id)?.confirmedBy) return false;
      return pan.qr.scan(id, code.sig, code.ts, account);
    },
    refused() {
      const fresh = pan.violations.slice(told);
      told += fresh.length;
      return fresh.map(({ method, place, message }) => `${method} ${place}: ${message}`);
    },
    close: () => pan.close(),
  };
}
