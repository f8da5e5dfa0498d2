import { BlockList, isIPv4, isIPv6 } from 'node:net'

/** What may stand around an address in `X-Forwarded-For`: a port, or the brackets of RFC 7239 section 6. */
const WITH_PORT = /^(?:\[(?<ipv6>[^\]]+)\]|(?<ipv4>\d+(?:\.\d+){3}))(?::\d+)?$/

/** Groups of 16 bits before the IPv4 address in an IPv6 one: mapped (RFC 4291 section 2.5.5.2), and behind NAT64 (RFC 6052). */
const EMBEDDING = [
  [0, 0, 0, 0, 0, 0xffff],
  [0x64, 0xff9b, 0, 0, 0, 0],
]

/** Groups that make the network of one customer (RFC 6177, RFC 7934): within it, one may have any number of addresses. */
const NETWORK_GROUPS = 4

/**
 * The network that counts as one client: an IPv4 address, or the /64 of an IPv6 address. One network has one spelling.
 *
 * @param text an IP address, perhaps with a port or a zone
 * @returns undefined for anything else
 */
export function networkOf(text: string): string | undefined {
  const { ipv4, ipv6 } = WITH_PORT.exec(text)?.groups ?? {}
  const address = ipv4 ?? ipv6 ?? text
  if (isIPv4(address)) return address
  if (!isIPv6(address)) return undefined
  const groups = groupsOf(address)
  const embedding = EMBEDDING.find((prefix) => prefix.every((group, index) => group === groups[index]))
  if (embedding) return groups.slice(6).flatMap(bytesOf).join('.')
  const network = groups.slice(0, NETWORK_GROUPS).map((group) => group.toString(16))
  return `${network.join(':')}::/64`
}

/** The eight groups of an IPv6 address, however it is written. */
function groupsOf(ipv6: string): number[] {
  const withoutZone = ipv6.replace(/%.*/, '')
  // The one spelling of RFC 5952, without dots.
  const spelled = new URL(`http://[${withoutZone}]`).hostname.slice(1, -1)
  const [head, tail] = spelled.split('::').map((part) => part.split(':').filter(Boolean))
  const zeros = new Array<string>(8 - (head?.length ?? 0) - (tail?.length ?? 0)).fill('0')
  return [...(head ?? []), ...zeros, ...(tail ?? [])].map((group) => Number.parseInt(group, 16))
}

function bytesOf(group: number): number[] {
  return [group >> 8, group & 0xff]
}

const nonPublic = new BlockList()
// RFC 1918, RFC 6598, and loopback and link-local; and the same of IPv6 (RFC 4193, RFC 4291).
nonPublic.addSubnet('10.0.0.0', 8)
nonPublic.addSubnet('172.16.0.0', 12)
nonPublic.addSubnet('192.168.0.0', 16)
nonPublic.addSubnet('100.64.0.0', 10)
nonPublic.addSubnet('127.0.0.0', 8)
nonPublic.addSubnet('169.254.0.0', 16)
// Not as a subnet, in which every IPv4 address would be too.
nonPublic.addAddress('::', 'ipv6')
nonPublic.addSubnet('fc00::', 7, 'ipv6')
nonPublic.addSubnet('fe80::', 10, 'ipv6')

/** Whether a network, as `networkOf` spells it, is none of the Internet: then it is rather a gateway than a client. */
export function isNonPublic(network: string): boolean {
  const [address = ''] = network.split('/')
  return nonPublic.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')
}
