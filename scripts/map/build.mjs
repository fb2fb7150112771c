// Makes public/world.svg, the countries' shapes by id (pages refer to them, so that a page carries none), and
// server/src/views/world.json: names, label points, boxes and cities, all projected,
// so that the server draws a world map without a library and without the network.
//
//   npm ci --prefix scripts/map
//   node scripts/map/build.mjs [SAMPLE]           writes the file
//   node scripts/map/build.mjs --check [SAMPLE]   writes nothing; fails where it is wrong or stale
//
// SAMPLE is a folder of real rows (*.json.gz): their country and city names must be known too.
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gunzipSync } from 'node:zlib';
import { geoBounds, geoEqualEarth } from 'd3-geo';
import { geoProject } from 'd3-geo-projection';
import polylabel from 'polylabel';
import { feature, merge } from 'topojson-client';
import { CITIES, POINTS, SHAPES } from './places.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const OUTPUT = join(root, 'server/src/views/world.json');
const DRAWN = join(root, 'public/world.svg');
const GENERATOR = join(root, 'server/lake/generate/src/geo.rs');
const SAMPLE = join(root, '../shared/data/real/ga_sessions');

const WIDTH = 1000;
/// Room for circles and strokes at the edge.
const MARGIN = 6;
/// Islands smaller than this many square units are left out, unless a country has nothing else.
const SMALLEST = 1;
/// How far from its country a city may lie: 1:110m cuts off bays and peninsulas.
const NEAR = 3;
/// Half the side of the box round a country without a shape, about 200 km.
const POINT_BOX = 6;

const require = createRequire(import.meta.url);
const atlas = require('world-atlas/countries-110m.json');

/// The source shows who holds an area; the report counts by ISO 3166, as Google does.
function countries() {
  const found = new Map();
  for (const geometry of atlas.objects.countries.geometries) {
    const arcs = geometry.type === 'Polygon' ? [geometry.arcs] : geometry.arcs;
    found.set(geometry.id ?? geometry.properties.name, arcs);
  }
  found.delete('010'); // Antarctica: a sixth of the height, no visitors
  const corner = (arcs) => geoBounds(feature(atlas, { type: 'Polygon', arcs }))[0];
  const move = (from, to, belongs) => {
    const moved = found.get(from).filter((arcs) => belongs(corner(arcs)));
    if (moved.length === 0) throw new Error(`${from} has nothing for ${to}`);
    found.set(from, found.get(from).filter((arcs) => !moved.includes(arcs)));
    found.set(to, [...(found.get(to) ?? []), ...moved]);
  };
  const absorb = (from, to) => {
    move(from, to, () => true);
    found.delete(from);
  };
  move('250', '254', ([west]) => west < -40); // French Guiana
  move('578', '744', ([, south]) => south > 74); // Svalbard
  move('643', '804', ([west, south]) => west > 30 && west < 35 && south < 46); // Crimea
  absorb('N. Cyprus', '196');
  absorb('Somaliland', '706');
  return found;
}

const tenth = (value) => Math.round(value * 10) / 10;
const hundredth = (value) => Math.round(value * 100) / 100;

function area(ring) {
  let sum = 0;
  for (let i = 1; i < ring.length; i++) sum += ring[i - 1][0] * ring[i][1] - ring[i][0] * ring[i - 1][1];
  return Math.abs(sum) / 2;
}

function inside(ring, [x, y]) {
  let odd = false;
  for (let i = 1; i < ring.length; i++) {
    const [[x0, y0], [x1, y1]] = [ring[i - 1], ring[i]];
    if (y0 > y !== y1 > y && x < ((x1 - x0) * (y - y0)) / (y1 - y0) + x0) odd = !odd;
  }
  return odd;
}

function distanceToRing(ring, [x, y]) {
  let least = Infinity;
  for (let i = 1; i < ring.length; i++) {
    const [[x0, y0], [x1, y1]] = [ring[i - 1], ring[i]];
    const [dx, dy] = [x1 - x0, y1 - y0];
    const along = Math.max(0, Math.min(1, ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy || 1)));
    least = Math.min(least, Math.hypot(x0 + along * dx - x, y0 + along * dy - y));
  }
  return least;
}

const within = (polygon, point) => polygon.reduce((odd, ring) => odd !== inside(ring, point), false);
const distance = (polygons, point) =>
  polygons.some((polygon) => within(polygon, point))
    ? 0
    : Math.min(...polygons.flat().map((ring) => distanceToRing(ring, point)));

/// Numbers as SVG reads them: no leading zero, a separator only where one is needed.
function numbers(tenths) {
  let [path, last] = ['', '-'];
  for (const tenth of tenths) {
    const next = String(tenth / 10).replace(/^(-?)0\./, '$1.');
    const apart = last === '-' || next.startsWith('-') || (next.startsWith('.') && last.includes('.'));
    path += apart ? next : ` ${next}`;
    last = next;
  }
  return path;
}

/// Leaves out points that rounding made equal to the one before, or that lie on a straight line:
/// the drawing stays the same, also along a border that two countries share.
function corners(points) {
  const kept = [];
  for (const point of points) {
    while (kept.length > 0) {
      const [[x0, y0], [x1, y1]] = [kept.at(-2) ?? kept.at(-1), kept.at(-1)];
      const [ax, ay, bx, by] = [x1 - x0, y1 - y0, point[0] - x1, point[1] - y1];
      const same = bx === 0 && by === 0;
      const straight = kept.length > 1 && ax * by === ay * bx && ax * bx + ay * by > 0;
      if (!same && !straight) break;
      kept.pop();
    }
    kept.push(point);
  }
  return kept;
}

/// Steps are differences of rounded points, so that the rounding does not add up along a coast.
function path(rings) {
  let start = [0, 0];
  let text = '';
  for (const ring of rings) {
    const points = corners(ring.map(([x, y]) => [Math.round(x * 10), Math.round(y * 10)])).slice(0, -1);
    const steps = points.map(([x, y], index) => {
      const [lastX, lastY] = index === 0 ? start : points[index - 1];
      return [x - lastX, y - lastY];
    });
    start = points[0];
    text += `m${numbers(steps[0])}l${numbers(steps.slice(1).flat())}z`;
  }
  return text;
}

/// The rings of a path as a browser reads it: what the check looks at is what is drawn.
function read(text) {
  const rings = [];
  let [x, y] = [0, 0];
  for (const [, start, rest] of text.matchAll(/m([^lz]*)l([^z]*)z/g)) {
    const numbers = `${start} ${rest}`.match(/-?(\d+\.?\d*|\.\d+)/g).map(Number);
    const ring = [];
    for (let i = 0; i < numbers.length; i += 2) ring.push(([x, y] = [x + numbers[i], y + numbers[i + 1]]));
    [x, y] = ring[0];
    rings.push([...ring, ring[0]]);
  }
  return rings;
}

function box(polygons) {
  const points = polygons.flat(2);
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)].map(tenth);
}

/// Equal Earth, because a choropleth compares areas. The edge of the map runs through the Bering
/// Strait instead of along 180°, so that Russia stays in one piece.
function projection(shapes) {
  const world = geoEqualEarth().rotate([-11.5, 0]).precision(0).scale(1).translate([0, 0]);
  const everything = [
    ...[...shapes.values()].flatMap((shape) => project(shape, world).flat(2)),
    ...POINTS.map(([, , lat, lon]) => world([Number(lon), Number(lat)])),
  ];
  const [left, top, right, bottom] = [
    Math.min(...everything.map(([x]) => x)),
    Math.min(...everything.map(([, y]) => y)),
    Math.max(...everything.map(([x]) => x)),
    Math.max(...everything.map(([, y]) => y)),
  ];
  const scale = (WIDTH - 2 * MARGIN) / (right - left);
  world.scale(scale).translate([MARGIN - left * scale, MARGIN - top * scale]);
  return [world, Math.ceil((bottom - top) * scale + 2 * MARGIN)];
}

/// The projected polygons of a country.
function project(shape, world) {
  const { type, coordinates } = geoProject(shape, world);
  return type === 'Polygon' ? [coordinates] : coordinates;
}

function build() {
  const shapes = new Map();
  for (const [id, arcs] of countries()) {
    shapes.set(id, merge(atlas, arcs.map((arc) => ({ type: 'Polygon', arcs: arc }))));
  }
  const [world, height] = projection(shapes);
  const entries = SHAPES.map(([source, id, name]) => {
    const shape = shapes.get(source);
    if (!shape) throw new Error(`${name}: the source has no ${source}`);
    shapes.delete(source);
    // The largest first: the label goes there.
    const all = project(shape, world).sort((a, b) => area(b[0]) - area(a[0]));
    const drawn = all.filter((polygon, index) => index === 0 || area(polygon[0]) >= SMALLEST);
    const [x, y] = polylabel(drawn[0], 0.01);
    // Alaska and Hawaii would make the box of the United States twice as wide.
    const main = id === 'USA' ? drawn.slice(0, 1) : drawn;
    return { id, name, path: path(drawn.flat()), x: hundredth(x), y: hundredth(y), box: box(main) };
  });
  if (shapes.size > 0) throw new Error(`no name for ${[...shapes.keys()].join(', ')}`);
  for (const [id, name, lat, lon] of POINTS) {
    const [x, y] = world([Number(lon), Number(lat)]).map(hundredth);
    entries.push({ id, name, path: '', x, y, box: [x - POINT_BOX, y - POINT_BOX, x + POINT_BOX, y + POINT_BOX].map(tenth) });
  }
  entries.sort((a, b) => (a.id < b.id ? -1 : 1));
  const cities = CITIES.map(([country, region, city, latitude, longitude]) => {
    const [lat, lon] = [Number(latitude), Number(longitude)];
    const [x, y] = world([lon, lat]).map(hundredth);
    return { country, region, city, lat, lon, x, y };
  });
  const { version } = require('world-atlas/package.json');
  return { width: WIDTH, height, source: `Natural Earth 1:110m, public domain, by world-atlas ${version}`, countries: entries, cities };
}

/// One object a line, for readable diffs. The shapes stand in the other file.
function text({ countries, cities, ...head }) {
  const lines = (objects) => objects.map((object) => JSON.stringify(object)).join(',\n');
  const named = countries.map(({ path, ...country }) => ({ ...country, shape: path !== '' }));
  return `${JSON.stringify(head).slice(0, -1)},"countries":[\n${lines(named)}\n],"cities":[\n${lines(cities)}\n]}\n`;
}

function shapes({ countries, source }) {
  const paths = countries.filter(({ path }) => path !== '').map(({ id, path }) => `<path id="${id}" d="${path}"/>`);
  return `<!-- ${source} -->\n<svg xmlns="http://www.w3.org/2000/svg"><defs>\n${paths.join('\n')}\n</defs></svg>\n`;
}

const key = (...parts) => parts.join(' | ');
const hidden = (name) => name === undefined || name === '(not set)' || name === 'not available in demo dataset';

/// Countries and cities that the generator can write.
function generated() {
  const source = readFileSync(GENERATOR, 'utf8');
  const value = (token) => (token.startsWith('"') ? token.slice(1, -1) : '(not set)');
  const lists = new Map();
  for (const [, name, length, list] of source.matchAll(/static (\w+): \[City; (\d+)\] =\s*\[([^;]*)\];/g)) {
    const found = [...list.matchAll(/city\(\s*("[^"]*"|\w+),\s*("[^"]*"|\w+)/g)];
    const cities = found.map(([, city, region]) => [value(region), value(city)]);
    if (cities.length !== Number(length)) throw new Error(`geo.rs: read ${cities.length} of ${length} cities in ${name}`);
    lists.set(name, cities);
  }
  const found = { countries: new Set(), cities: new Set() };
  for (const [, country, list] of source.matchAll(/country\("([^"]+)", &\w+, \d+, "[^"]*", &(\w+|\[\])/g)) {
    found.countries.add(country);
    if (list === '[]') continue;
    if (!lists.has(list)) throw new Error(`geo.rs: cannot read the cities of ${country}`);
    for (const [region, city] of lists.get(list)) if (!hidden(city)) found.cities.add(key(country, region, city));
  }
  const declared = Number(source.match(/COUNTRIES: \[Country; (\d+)\]/)?.[1]);
  if (found.countries.size !== declared) throw new Error(`geo.rs: read ${found.countries.size} of ${declared} countries`);
  return found;
}

/// Countries and cities in real rows; nothing where there are none.
function sampled(folder) {
  const found = { countries: new Set(), cities: new Set() };
  if (!existsSync(folder)) {
    console.log('left out: the names in the real sample, no such folder here');
    return found;
  }
  for (const file of readdirSync(folder).filter((file) => file.endsWith('.json.gz'))) {
    for (const line of gunzipSync(readFileSync(join(folder, file))).toString().split('\n')) {
      if (line.trim() === '') continue;
      const { country, region, city } = JSON.parse(line).geoNetwork ?? {};
      if (hidden(country)) continue;
      found.countries.add(country);
      if (!hidden(city)) found.cities.add(key(country, region, city));
    }
  }
  return found;
}

function problems({ width, height, countries, cities }, needs) {
  const found = [];
  const byName = new Map(countries.map((country) => [country.name, country]));
  if (byName.size !== countries.length) found.push('a country name occurs twice');
  const known = new Set(cities.map(({ country, region, city }) => key(country, region, city)));
  if (known.size !== cities.length) found.push('a city occurs twice');
  for (const { countries, cities } of needs) {
    for (const country of countries) if (!byName.has(country)) found.push(`country missing: ${country}`);
    for (const city of cities) if (!known.has(city)) found.push(`city missing: ${city}`);
  }
  const onMap = ({ x, y }) => x >= 0 && x <= width && y >= 0 && y <= height;
  for (const country of countries) {
    const rings = read(country.path);
    if (!onMap(country)) found.push(`${country.name}: label outside the map`);
    if (rings.length > 0 && !within(rings, [country.x, country.y])) found.push(`${country.name}: label outside the shape`);
    if (rings.flat().some(([x, y]) => !onMap({ x, y }))) found.push(`${country.name}: shape outside the map`);
    if (/[^-mlz.\d ]/.test(country.path)) found.push(`${country.name}: path is no path`);
  }
  for (const { country, region, city, x, y } of cities) {
    const home = byName.get(country);
    if (!home) {
      found.push(`${city}: no country ${country}`);
      continue;
    }
    const rings = read(home.path);
    const away = rings.length > 0 ? distance([rings], [x, y]) : Math.hypot(x - home.x, y - home.y);
    if (away > NEAR) found.push(`${key(country, region, city)}: ${away.toFixed(1)} units away from its country`);
    const [x0, y0, x1, y1] = home.box;
    if (x < x0 - NEAR || x > x1 + NEAR || y < y0 - NEAR || y > y1 + NEAR) found.push(`${city}: outside the box of ${country}`);
  }
  return found;
}

const options = process.argv.slice(2);
const check = options.includes('--check');
const map = build();
const outputs = [
  [OUTPUT, text(map)],
  [DRAWN, shapes(map)],
];
const found = problems(map, [generated(), sampled(options.find((option) => option !== '--check') ?? SAMPLE)]);
for (const [file, output] of check ? outputs : []) {
  if (!existsSync(file) || readFileSync(file, 'utf8') !== output) found.push(`${file} is stale: build it again`);
}

const output = outputs.map(([, text]) => text).join('');
const bytes = Buffer.byteLength(output);
const shaped = map.countries.filter(({ path }) => path !== '');
console.log(
  `${map.width} x ${map.height}, ${(bytes / 1024).toFixed(1)} KB (${(brotliCompressSync(output).length / 1024).toFixed(1)} KB as Brotli), ` +
    `${shaped.length} shapes with ${shaped.reduce((sum, { path }) => sum + read(path).length, 0)} rings, ` +
    `${map.countries.length - shaped.length} points, ${map.cities.length} cities`,
);
for (const problem of new Set(found)) console.error(problem);
if (found.length > 0) process.exit(1);
if (!check) for (const [file, output] of outputs) writeFileSync(file, output);
