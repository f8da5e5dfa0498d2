import type { Result } from './figures.ts'

const WIDTH = 760
const ROW = 34
const LABEL = 430
const SCALE = (WIDTH - LABEL - 60) / 2

/** Draws the medians of the ratios as bars, and the goals as lines. */
export function drawChart(machine: string, results: Result[]): string {
  const ratios = results.filter(({ unit, bar }) => !unit && bar > 0)
  const height = ratios.length * ROW + 50
  const rows = ratios.map((result, index) => {
    const y = 34 + index * ROW
    const width = Math.min(result.median, 2.4) * SCALE
    const bar = LABEL + result.bar * SCALE
    const colour = result.reached ? '#2f855a' : '#c05621'
    const sense = result.less ? '≤' : '≥'
    return `<text x="${LABEL - 10}" y="${y + 15}" text-anchor="end">${escapeXml(result.name)}</text>
<rect x="${LABEL}" y="${y}" width="${width.toFixed(1)}" height="20" fill="${colour}"/>
<line x1="${bar}" x2="${bar}" y1="${y - 4}" y2="${y + 24}" stroke="#1a202c" stroke-dasharray="3 2"/>
<text x="${(LABEL + width + 6).toFixed(1)}" y="${y + 15}">${result.median.toFixed(2)} (${sense} ${result.bar})</text>`
  })
  const size = `width="${WIDTH}" height="${height}"`
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="12">
<title>Postern against its baselines: ratios, and the goals as dashed lines</title>
<rect width="100%" height="100%" fill="#fff"/>
<text x="10" y="18" fill="#4a5568">${escapeXml(machine)}</text>
${rows.join('\n')}
</svg>
`
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
