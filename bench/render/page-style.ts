// Colours and type of the page and of charts that stand alone. The colours of series are told apart by people who see
// few colours, and have a contrast of three and more to their ground, light or dark. Print is always light.

const light = `--ground:#fff;--ink:#1b1f24;--quiet:#57606a;--rule:#d8dee4;--shade:#f2f4f7;--bar:#8c959f;--good:#0b6b43;
--bad:#b3261e;--s0:#0067a5;--s1:#c8510a;--s2:#00805c;--s3:#a8488f;--s4:#8a6a00;--s5:#3d444d;`;

const dark = `--ground:#14171b;--ink:#e8eaed;--quiet:#a3acb8;--rule:#353b43;--shade:#1d2229;--bar:#7d8794;--good:#5bd39b;
--bad:#ff8d85;--s0:#5ab4f0;--s1:#f58b4c;--s2:#35c796;--s3:#e39ccb;--s4:#e0c341;--s5:#c4ccd6;`;

const schemes = `:root{color-scheme:light dark;${light}}
@media (prefers-color-scheme:dark){:root{${dark}}}
@media print{:root{color-scheme:light;${light}}}
`;

const seriesClasses = [0, 1, 2, 3, 4, 5].map((index) => `.s${index}{--series:var(--s${index})}`).join('');

/** Of drawings only, wherever they stand. */
const drawing = `${seriesClasses}
.chart{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",sans-serif;font-size:12px}
.chart text{fill:var(--ink)}
.chart .tick,.chart .axis{fill:var(--quiet)}
.chart .figure,.chart .tick{font-variant-numeric:tabular-nums}
.chart .heading{font-size:14px;font-weight:600}
.chart .grid{stroke:var(--rule);stroke-width:1}
.chart .zero{stroke:var(--quiet);stroke-width:1}
.chart .shade{fill:var(--shade)}
.chart .line{fill:none;stroke:var(--series);stroke-width:2.2;stroke-linejoin:round}
.chart .ideal{stroke-width:1.6;stroke-dasharray:6 4}
.chart .span{stroke:var(--bar);stroke-width:2}
.chart .mark{fill:var(--series);stroke:var(--ground);stroke-width:1}
.chart .bar{fill:var(--series)}
.chart .quiet{fill:var(--bar)}
`;

/** For a file of its own, which has no page around it to give it a ground. */
export const chartStyle = `${schemes}${drawing}.chart .ground{fill:var(--ground)}`;

export const pageStyle = `${schemes}${drawing}
*{box-sizing:border-box}
body{margin:0 auto;padding:2.5rem 1.25rem 4rem;max-width:70rem;background:var(--ground);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",sans-serif}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 .6rem;letter-spacing:-.01em}
h2{font-size:1.3rem;line-height:1.3;margin:3rem 0 .4rem}
p,li{max-width:46rem;overflow-wrap:anywhere}
p{margin:.4rem 0}
.facts,.note{color:var(--quiet);font-size:.875rem}
code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;font-size:.92em}
a{color:var(--s0)}
nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;padding:0;margin:1.2rem 0 0;list-style:none;font-size:.9375rem}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1.5rem 2.5rem;margin:1.2rem 0}
.charts figure{margin:0;max-width:36rem}
.charts figcaption{font-weight:600;font-size:.9375rem;margin-bottom:.5rem}
.charts svg{display:block;width:100%;height:auto}
.scroll{overflow-x:auto;margin:1rem 0}
.scroll:focus-visible{outline:2px solid var(--s0);outline-offset:2px}
table{border-collapse:collapse;font-size:.875rem;line-height:1.4;font-variant-numeric:tabular-nums}
th{text-align:left;font-weight:600;color:var(--quiet);border-bottom:1.5px solid var(--quiet);vertical-align:bottom}
th,td{padding:.32rem .8rem .32rem 0}
td{border-bottom:1px solid var(--rule);vertical-align:top}
th:last-child,td:last-child{padding-right:0}
.number{text-align:right;white-space:nowrap}
th.number{white-space:normal}
td.word{white-space:nowrap}
td.long{white-space:normal;min-width:14rem}
h3{font-size:1rem;margin:1.6rem 0 .2rem}
.met{color:var(--good);font-weight:600}
.missed,.wrong{color:var(--bad);font-weight:600}
.wrong{border:2px solid var(--bad);padding:.6rem 1rem;border-radius:6px}
@media print{body{padding:0;max-width:none;font-size:10.5pt}nav{display:none}h2{margin-top:1.6rem;break-after:avoid}
figure,tr{break-inside:avoid}thead{display:table-header-group}.scroll{overflow:visible}
.charts{grid-template-columns:1fr 1fr;gap:1rem 1.5rem}table{font-size:8pt}th,td{padding:.14rem .5rem .14rem 0}
td.word{white-space:normal}td.long{min-width:0}.together,p{break-inside:avoid}h3{break-after:avoid}a{color:inherit;text-decoration:none}@page{margin:14mm}}
`;
