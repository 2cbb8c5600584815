'use strict';
// Opens each page in both themes, uses its filters and its map, and judges it; run.sh tells what counts.
const fs = require('fs');
const puppeteer = require('puppeteer-core');
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const look = async (browser, file, theme) => {
  const page = await browser.newPage(), faults = [];
  page.on('console', message => faults.push('console: ' + message.text()));
  page.on('pageerror', error => faults.push('error: ' + error));
  page.on('dialog', dialog => { faults.push('dialog: ' + dialog.message()); dialog.dismiss(); });
  page.on('request', request => { if (request.url() !== 'file://' + file) faults.push('request: ' + request.url()); });
  await page.setViewport({width: 1280, height: 1000});
  await page.emulateMediaFeatures([{name: 'prefers-color-scheme', value: theme}]);
  await page.goto('file://' + file);
  await page.screenshot({path: file.replace('.html', '-' + theme + '.png')});
  const paint = await page.evaluate(() => Math.max(0, ...performance.getEntriesByType('paint').map(entry => entry.startTime)));
  if (paint > 2000) faults.push('first paint after ' + Math.round(paint) + ' ms');
  // Every filter: a word that no row has hides all rows; without it all are back.
  const filters = await page.$$('.filter input');
  for (const input of filters) {
    const rows = () => input.evaluate(input => {
      const table = document.getElementById(input.closest('.filter').dataset.of);
      return [...table.querySelectorAll('tbody tr')].filter(row => row.offsetParent).length;
    });
    const all = await rows();
    await input.evaluate((input, word) => { input.value = word; input.dispatchEvent(new Event('input')); }, 'no row has this');
    await new Promise(done => setTimeout(done, 300));
    if (await rows() !== 0) faults.push('the search leaves ' + await rows() + ' of ' + all + ' rows');
    await input.evaluate(input => { input.value = ''; input.dispatchEvent(new Event('input')); });
    await new Promise(done => setTimeout(done, 300));
    if (await rows() !== all) faults.push('after the search ' + await rows() + ' of ' + all + ' rows are back');
  }
  // Every box of the map has its reasons.
  const boxes = await page.evaluate(() => [...document.querySelectorAll('.map a')].map(link => {
    link.dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true}));
    return document.querySelector('.detail').textContent.length;
  }));
  if (boxes.some(length => length < 12)) faults.push('a box of the map has no reasons');
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (wide > 0) faults.push('the page is ' + wide + ' px too wide');
  if (await page.evaluate(() => window.pwned !== undefined)) faults.push('a name was run');
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document, {resultTypes: ['violations']}));
  for (const fault of found.violations) {
    if (['serious', 'critical'].includes(fault.impact)) faults.push('axe: ' + fault.id + ': ' + fault.nodes[0].html.slice(0, 200));
  }
  await page.close();
  console.log(file.split('/').pop(), theme + ':', filters.length, 'filters,', boxes.length, 'boxes, first paint', Math.round(paint), 'ms,', faults.length || 'no', 'faults');
  faults.forEach(fault => console.log('  ' + fault));
  return faults.length;
};

(async () => {
  const browser = await puppeteer.launch({executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox'], headless: true});
  let faults = 0;
  for (const file of process.argv.slice(2)) for (const theme of ['light', 'dark']) faults += await look(browser, file, theme);
  await browser.close();
  console.log(faults ? faults + ' faults' : 'no faults');
  process.exitCode = faults ? 1 : 0;
})();
