import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lastDrawn, pieces, plain } from '../src/pages/run/ansi';

const E = '\u001b';
const cases: [string, string, unknown][] = [
	['nothing', '', []],
	['plain text', 'plain', [{ text: 'plain', class: '' }]],
	['a color and its end', `a${E}[31mb${E}[0mc`, [{ text: 'a', class: '' }, { text: 'b', class: 'fg1' }, { text: 'c', class: '' }]],
	['an empty parameter is a reset', `${E}[1mx${E}[my`, [{ text: 'x', class: 'b' }, { text: 'y', class: '' }]],
	['several at once', `${E}[1;4;32;41mx`, [{ text: 'x', class: 'fg2 bg1 b u' }]],
	['bright', `${E}[91;102mx`, [{ text: 'x', class: 'fg9 bg10' }]],
	['the first 16 of 256 are ours', `${E}[38;5;12mx`, [{ text: 'x', class: 'fg12' }]],
	['the cube', `${E}[38;5;208mx`, [{ text: 'x', class: '', color: '#ff8700' }]],
	['grays', `${E}[48;5;232mx`, [{ text: 'x', class: '', back: '#080808' }]],
	['true color', `${E}[38;2;1;2;255mx`, [{ text: 'x', class: '', color: '#0102ff' }]],
	['with colons', `${E}[38:5:208mx`, [{ text: 'x', class: '', color: '#ff8700' }]],
	['cut short: no color, no harm', `${E}[38;5mx`, [{ text: 'x', class: '' }]],
	['a number that is no color', `${E}[38;5;999mx`, [{ text: 'x', class: '' }]],
	['inverse', `${E}[7mx`, [{ text: 'x', class: 'inv' }]],
	['inverse of a color', `${E}[31;7mx`, [{ text: 'x', class: 'bg1' }]],
	['bold off', `${E}[1ma${E}[22mb`, [{ text: 'a', class: 'b' }, { text: 'b', class: '' }]],
	['the cursor does not move', `${E}[2K${E}[1Ga${E}[3Bb`, [{ text: 'a', class: '' }, { text: 'b', class: '' }]],
	['titles and links are left out', `${E}]0;title\u0007a${E}]8;;http://x.example${E}\\b`, [{ text: 'a', class: '' }, { text: 'b', class: '' }]],
	['an escape at the end', `a${E}`, [{ text: 'a', class: '' }]],
	['a bar that drew itself', '10%\r50%\r100%', [{ text: '100%', class: '' }]],
	['markup is text', '<img src=x onerror=alert(1)>', [{ text: '<img src=x onerror=alert(1)>', class: '' }]],
];
for (const [name, line, want] of cases) test(`ansi: ${name}`, () => assert.deepEqual(pieces(line), want));

test('ansi: plain', () => {
	assert.equal(plain(`${E}[31mred${E}[0m`), 'red');
	assert.equal(lastDrawn('a\r'), 'a');
	assert.equal(lastDrawn('\r'), '');
});
test('ansi: never slow, whatever is in the line', () => {
	const line = `${E}[`.repeat(20000) + `${E}]`.repeat(20000) + ';'.repeat(20000);
	const begin = Date.now();
	pieces(line);
	assert.ok(Date.now() - begin < 1000);
});
