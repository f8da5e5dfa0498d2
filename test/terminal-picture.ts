/** `node test/terminal-picture.ts` draws docs/terminal.svg from the terminal session in README.md. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, readPage, readSection, readTranscript, type Step } from './markdown.ts'

/** The picture, from the root of the repository. */
export const PICTURE = 'docs/terminal.svg'

/** What the last four commands of the session show. */
const CAPTIONS = [
  '# Log in',
  '# The token is accepted',
  '# Log out',
  '# The same token, on the very next request',
]

/** Members of a response that the picture shows; the others become an ellipsis. */
const SHOWN = ['email', 'name', 'details', 'status', 'detail', 'code']

const WIDTH = 760
const LINE = 20
const CHARACTER = 7.83
const LEFT = 20
const TOP = 58

const FONT = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"
const COLOURS = { caption: '#9198a1', command: '#f0f6fc', accepted: '#7ee787', refused: '#ffa198' }

interface Line {
  text: string
  colour: keyof typeof COLOURS
}

/** Draws the session, from the login on, as an SVG that looks the same in light and dark mode. */
export function drawTerminal(readme: string): string {
  const steps = readTranscript(readSection(readme, '## Try it')).slice(-CAPTIONS.length)
  const lines = steps.flatMap((step, index) => linesOf(step, CAPTIONS[index] ?? '')).slice(0, -1)
  const height = TOP + lines.length * LINE + 8
  const texts = lines.flatMap(({ text, colour }, index) => {
    if (text === '') return []
    const x = LEFT + (text.length - text.trimStart().length) * CHARACTER
    return `<text x="${x}" y="${TOP + index * LINE}" fill="${COLOURS[colour]}">${escapeXml(text.trim())}</text>`
  })
  const size = `width="${WIDTH}" height="${height}"`
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="${FONT}" font-size="13">
<title>A terminal session: log in, use the token, log out, and the token is refused</title>
<rect x="1" y="1" width="${WIDTH - 2}" height="${height - 2}" rx="8" fill="#151b23" stroke="#3d444d"/>
<circle cx="22" cy="20" r="6" fill="#ff5f57"/>
<circle cx="42" cy="20" r="6" fill="#febc2e"/>
<circle cx="62" cy="20" r="6" fill="#28c840"/>
${texts.join('\n')}
</svg>
`
}

/** A caption, the command, its output if there is any, and an empty line. */
function linesOf({ command, output }: Step, caption: string): Line[] {
  const colour = output.includes('"status"') ? 'refused' : 'accepted'
  return [
    { text: caption, colour: 'caption' },
    ...`$ ${command}`.split('\n').map((text): Line => ({ text, colour: 'command' })),
    ...(output === '' ? [] : [{ text: abridge(output), colour } as const]),
    { text: '', colour: 'caption' },
  ]
}

/** A JSON object without the members that matter less here. */
function abridge(json: string): string {
  const members = Object.entries(JSON.parse(json)).map(([name, value]) =>
    SHOWN.includes(name) ? JSON.stringify({ [name]: value }).slice(1, -1) : '…',
  )
  return `{${members.filter((member, index) => member !== '…' || members[index - 1] !== '…').join(',')}}`
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

if (import.meta.main) writeFileSync(join(ROOT, PICTURE), drawTerminal(readPage('README.md')))
