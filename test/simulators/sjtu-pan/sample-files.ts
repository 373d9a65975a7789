/** Files to look at in a demo. */
import type { Files } from "./files.ts";

/** Fills a space with a small student's disk. */
export function addSampleFiles(files: Files): void {
  files.put("欢迎.txt", "欢迎使用交大云盘。\n");
  files.put("课程/高等数学/第一章 函数与极限.pdf", { size: 3 * 2 ** 20 + 17, first: 3 });
  files.put("课程/高等数学/习题 #1 (50%).md", "# 习题\n\n1. 求 lim x→0 sin x / x\n");
  files.put("课程/数据结构/lab1/main.c", '#include <stdio.h>\n\nint main(void) { puts("hello, SJTU"); return 0; }\n');
  files.put("照片/2025/校园.jpg", { size: 5 * 2 ** 20, first: 1 });
  files.put("视频/毕业典礼.mp4", { size: 300 * 2 ** 20, first: 0 });
  files.put("docs/a.txt", "A".repeat(391));
  files.put("empty.bin", "");
  files.makeDirectory("新建文件夹");
}
