/**
 * The look of the page and of the mail. Only what mail programs understand: classes with plain colours, no variables, no grid; the dark
 * colours are a second set behind a media query, for screens: paper is white. Contrast of all text is at least 4.5:1 on both grounds.
 */
export const reportStyle = `
body{margin:0;padding:0;background:#f4f5f7;color:#1c2430;font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif}
.sheet{max-width:760px;margin:0 auto;padding:28px 32px;background:#ffffff}
h1{font-size:26px;line-height:1.25;margin:0 0 4px}
h2{font-size:18px;margin:36px 0 8px}
h3{font-size:15px;margin:20px 0 4px}
p{margin:4px 0}
.quiet,small{color:#566070}
small{font-size:12.5px}
.note{margin:14px 0;padding:10px 14px;border-left:4px solid #b45309;background:#fff7e6;color:#5c3300}
.tiles{margin:20px -6px 0;font-size:0}
.tile{display:inline-block;vertical-align:top;box-sizing:border-box;width:127px;margin:0 6px 12px;padding:10px 9px;border:1px solid #d9dee6;border-radius:8px;font-size:15px}
.tile small{display:block;min-height:38px;line-height:1.35}
.tile b{display:block;font-size:21px;line-height:1.3}
.tile .change{font-size:13px}
table.figures{width:100%;border-collapse:collapse}
.figures th,.figures td{padding:7px 6px;border-bottom:1px solid #e3e7ed;vertical-align:top;text-align:right;font-variant-numeric:tabular-nums}
.figures th:first-child{text-align:left;font-weight:normal}
.figures thead th,.figures thead th:first-child{font-weight:600;border-bottom:2px solid #c3cad5}
.figures th.group{padding-top:18px;font-weight:600;text-align:left}
.figures small{display:block}
.change{white-space:nowrap;font-size:12.5px;color:#566070}
.up{color:#116932}
.down{color:#b3261e}
.legend span{margin-right:16px;font-size:13px}
.swatch{display:inline-block;width:10px;height:10px;margin:0 6px 0 0;border-radius:2px}
svg.chart{display:block;height:auto}
.grid{stroke:#e3e7ed}
.mark{fill:#566070;font-family:system-ui,Arial,sans-serif;font-size:11px}
.bar{fill:#7ba3ee}
.bar.last{fill:#2563eb}
.line{fill:none;stroke-width:2}
.line.s0{stroke:#2563eb;stroke-width:2.5}.line.s1{stroke:#0b7a6f}.line.s2{stroke:#b45309}
.dot.s0,.swatch.s0{fill:#2563eb;background-color:#2563eb}.dot.s1,.swatch.s1{fill:#0b7a6f;background-color:#0b7a6f}.dot.s2,.swatch.s2{fill:#b45309;background-color:#b45309}
dl{margin:0}
dt{margin-top:12px;font-weight:600}
dd{margin:0}
@media (max-width:620px){.sheet{padding:20px 14px}.figures{font-size:13.5px}.figures th,.figures td{padding:7px 3px}.figures .change{white-space:normal;font-size:11.5px}.mark{font-size:17px}}
@media screen and (prefers-color-scheme:dark){
body{background:#0e1116;color:#e6e9ef}
.sheet{background:#161b22}
.quiet,small,.change{color:#a5afbd}
.note{background:#33260d;color:#ffd899;border-color:#e0a030}
.tile{border-color:#39424f}
.figures th,.figures td{border-color:#2b333f}
.figures thead th,.figures thead th:first-child{border-color:#4a5463}
.up{color:#5fd38a}
.down{color:#ff8f86}
.grid{stroke:#2b333f}
.mark{fill:#a5afbd}
.bar{fill:#3f64ad}
.bar.last{fill:#7aa7ff}
.line.s0{stroke:#7aa7ff}.line.s1{stroke:#4fd1c2}.line.s2{stroke:#f2a65a}
.dot.s0,.swatch.s0{fill:#7aa7ff;background-color:#7aa7ff}.dot.s1,.swatch.s1{fill:#4fd1c2;background-color:#4fd1c2}.dot.s2,.swatch.s2{fill:#f2a65a;background-color:#f2a65a}
}
@media print{body,.sheet{background:#ffffff}.sheet{max-width:none;padding:0}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}tr,dt,.tile,section{break-inside:avoid}h2,h3,dt{break-after:avoid}}
`;
