// Bundles the pages and writes them as one C source: web/build.mjs OUT.c WORK_FOLDER [DEPFILE]. Called by tools/build-web.sh.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const web = dirname(fileURLToPath(import.meta.url));
const [out, work, depfile] = process.argv.slice(2);
if (!out || !work) {
	console.error('usage: build.mjs OUT.c WORK_FOLDER [DEPFILE]');
	process.exit(2);
}

// What a browser needs for the board, compressed: everything else is fetched when its page is opened.
const FIRST_VIEW_MAX = 100 * 1000;

const types = {
	'.js': 'text/javascript; charset=utf-8',
	'.css': 'text/css; charset=utf-8',
	'.svg': 'image/svg+xml',
	'.txt': 'text/plain; charset=utf-8',
	'.html': 'text/html; charset=utf-8',
};

const common = {
	absWorkingDir: web,
	bundle: true,
	minify: true,
	target: 'es2022',
	outdir: join(resolve(work), 'assets'),
	entryNames: '[name]-[hash]',
	chunkNames: '[name]-[hash]',
	assetNames: '[name]-[hash]',
	metafile: true,
	write: false,
	jsx: 'automatic',
	jsxImportSource: 'preact',
	legalComments: 'none', // the licenses are sent whole, as notice.txt
	logLevel: 'warning',
	loader: { '.svg': 'copy' },
};

// A file goes into a chunk by which entries reach it: with each page reaching all of the application (which it is never shown without), that is one
// chunk, and the first view is one file instead of fifteen.
const whole = {
	name: 'whole',
	setup(b) {
		b.onLoad({ filter: /[\\/]pages[\\/][^\\/]+[\\/]page\.tsx$/ }, ({ path }) => ({ contents: `${readFileSync(path, 'utf8')}\nimport '../../app';\n`, loader: 'tsx' }));
	},
};

const results = await Promise.all([
	build({ ...common, format: 'esm', splitting: true, plugins: [whole], entryPoints: { app: 'src/main.tsx', style: 'src/styles/index.css' } }),
	// Before the first paint, so not a module: else a dark room gets a white flash.
	build({ ...common, format: 'iife', entryPoints: { early: 'src/early.ts' } }),
	build({ ...common, format: 'esm', entryPoints: { icon: 'src/icon.svg' } }),
]);

const assets = []; // {path, bytes}
const outputs = {}; // by file name: esbuild's record
const inputs = new Set(['index.html', 'build.mjs', 'package-lock.json', 'tsconfig.json']);
for (const result of results) {
	for (const file of result.outputFiles)
		if (!(basename(file.path).startsWith('icon-') && file.path.endsWith('.js')))
			assets.push({ path: `/assets/${basename(file.path)}`, bytes: Buffer.from(file.contents) });
	for (const [path, record] of Object.entries(result.metafile.outputs)) outputs[basename(path)] = record;
	for (const path of Object.keys(result.metafile.inputs)) inputs.add(path);
}

const hashOf = (bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 16);
const named = (name, suffix) => assets.find((a) => a.path.startsWith(`/assets/${name}-`) && a.path.endsWith(suffix));
const recordOf = (entry) => Object.entries(outputs).find(([, r]) => r.entryPoint === entry);

// The licenses of what is bundled travel with it.
const packages = [...new Set([...inputs].map((p) => p.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1]).filter(Boolean))].sort();
const notice = packages.map((name) => {
	const about = JSON.parse(readFileSync(join(web, 'node_modules', name, 'package.json'), 'utf8'));
	return `${name} ${about.version}\n\n${readFileSync(join(web, 'node_modules', name, 'LICENSE'), 'utf8').trim()}\n`;
}).join(`\n${'-'.repeat(80)}\n\n`);
assets.push({ path: '/assets/notice.txt', bytes: Buffer.from(notice) });

// What the application imports, at once instead of one after the other.
function closure(name, seen = new Set()) {
	if (seen.has(name)) return seen;
	seen.add(name);
	for (const one of outputs[name]?.imports ?? [])
		if (one.kind === 'import-statement') closure(basename(one.path), seen);
	return seen;
}
const app = recordOf('src/main.tsx')[0];
const first = closure(app);
const style = named('style', '.css');
const early = named('early', '.js');
const icon = named('icon', '.svg');
const preload = [...first].filter((n) => n !== app).map((n) => `<link rel="modulepreload" href="/assets/${n}">`).join('\n');
const html = readFileSync(join(web, 'index.html'), 'utf8')
	.replace('{{icon}}', icon.path).replace('{{early}}', early.path).replace('{{style}}', style.path)
	.replace('{{app}}', `/assets/${app}`).replace('{{preload}}', preload);
assets.push({ path: '/index.html', bytes: Buffer.from(html) });

for (const asset of assets) {
	asset.type = types[asset.path.slice(asset.path.lastIndexOf('.'))];
	if (!asset.type) throw new Error(`${asset.path}: of what type is this? Say it in build.mjs.`);
	asset.hash = hashOf(asset.bytes);
	asset.gzip = gzipSync(asset.bytes, { level: 9 });
	asset.brotli = brotliCompressSync(asset.bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: asset.bytes.length } });
}
assets.sort((a, b) => (a.path < b.path ? -1 : 1));

// One string literal a line; octal, so that a digit behind an escape is no part of it.
function literal(bytes) {
	const lines = [];
	for (let at = 0; at < bytes.length; at += 512) {
		let line = '';
		for (const byte of bytes.subarray(at, at + 512))
			line += byte >= 32 && byte < 127 && byte !== 34 && byte !== 92 && byte !== 63 ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`;
		lines.push(`\t"${line}"`);
	}
	return lines.join('\n') || '\t""';
}
const c = ['/* Made by web/build.mjs out of web/. */', '#include "api/assets.h"', ''];
assets.forEach((a, i) => {
	for (const kind of ['bytes', 'gzip', 'brotli']) c.push(`static const char ${kind}_${i}[] =\n${literal(a[kind])};`);
});
c.push('', 'const struct asset assets[] = {');
assets.forEach((a, i) => {
	const part = (kind) => `{${kind}_${i}, sizeof(${kind}_${i}) - 1}`;
	c.push(`\t{"${a.path}", "${a.type}", "${a.hash}",\n\t ${part('bytes')}, ${part('gzip')}, ${part('brotli')}},`);
});
c.push('};', `const size_t n_assets = ${assets.length};`, '');
writeFileSync(out, c.join('\n'));
if (depfile) {
	const paths = [...inputs].map((p) => relative(process.cwd(), resolve(web, p)).replaceAll(' ', '\\ '));
	writeFileSync(depfile, `${out}: ${paths.join(' ')}\n`);
}
rmSync(join(work, 'assets'), { recursive: true, force: true });
mkdirSync(work, { recursive: true });

const kb = (n) => `${(n / 1000).toFixed(1)} kB`;
const inFirst = assets.filter((a) => a.path === '/index.html' || [style, early, icon].includes(a) || first.has(basename(a.path)));
const sum = (list, kind) => list.reduce((n, a) => n + a[kind].length, 0);
const table = assets.map((a) => `${inFirst.includes(a) ? '*' : ' '} ${a.path.padEnd(36)} ${kb(a.bytes.length).padStart(10)} ${kb(a.gzip.length).padStart(10)} ${kb(a.brotli.length).padStart(10)}`);
writeFileSync(join(work, 'sizes.txt'), `  path                                      bytes       gzip     brotli  (* first view)\n${table.join('\n')}\n`);
console.log(`web: first view ${kb(sum(inFirst, 'gzip'))} gzip, ${kb(sum(inFirst, 'brotli'))} brotli; all ${kb(sum(assets, 'brotli'))} brotli in ${assets.length} files`);
if (sum(inFirst, 'gzip') > FIRST_VIEW_MAX) {
	console.error(`web: the first view is above ${kb(FIRST_VIEW_MAX)}: see ${join(work, 'sizes.txt')}; let a page that is not the board import what it needs by itself`);
	process.exit(1);
}
