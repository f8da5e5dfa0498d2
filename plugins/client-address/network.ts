import { BlockList, isIPv4, isIPv6 } from 'node:net'

/** An address in `X-Forwarded-For` may have a port, or brackets (RFC 7239 section 6). */
const WITH_PORT = /^(?:\[(?<ipv6>[^\]]+)\]|(?<ipv4>\d+(?:\.\d+){3}))(?::\d+)?$/

/** The 16-bit groups before an embedded IPv4 address: mapped (RFC 4291 section 2.5.5.2), and NAT64 (RFC 6052). */
const EMBEDDING = [
  [0, 0, 0, 0, 0, 0xffff],
  [0x64, 0xff9b, 0, 0, 0, 0],
]

/** The groups of one customer's network (RFC 6177, RFC 7934): a client may have any number of addresses in it. */
const NETWORK_GROUPS = 4

/**
 * The network that is treated as one client: an IPv4 address, or the /64 of an IPv6 address, in one spelling.
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

/** The groups of the largest network that a customer usually gets (RFC 6177): they may choose among 65,536 of /64. */
const WIDE_GROUPS = 3

/**
 * The wider network around a network, as `networkOf` spells it, that one customer may have all of.
 *
 * @returns the /48 of an IPv6 network; undefined for an IPv4 address
 */
export function wideNetworkOf(network: string): string | undefined {
  return network.includes(':') ? `${network.split(':').slice(0, WIDE_GROUPS).join(':')}::/48` : undefined
}

/** The eight groups of an IPv6 address in any spelling. */
function groupsOf(ipv6: string): number[] {
  const withoutZone = ipv6.replace(/%.*/, '')
  // URL writes it as RFC 5952 does, without dots.
  const spelled = new URL(`http://[${withoutZone}]`).hostname.slice(1, -1)
  const [head, tail] = spelled.split('::').map((part) => part.split(':').filter(Boolean))
  const zeros = new Array<string>(8 - (head?.length ?? 0) - (tail?.length ?? 0)).fill('0')
  return [...(head ?? []), ...zeros, ...(tail ?? [])].map((group) => Number.parseInt(group, 16))
}

function bytesOf(group: number): number[] {
  return [group >> 8, group & 0xff]
}

const nonPublic = new BlockList()
// RFC 1918, RFC 6598, loopback and link-local, and their IPv6 equivalents (RFC 4193, RFC 4291).
nonPublic.addSubnet('10.0.0.0', 8)
nonPublic.addSubnet('172.16.0.0', 12)
nonPublic.addSubnet('192.168.0.0', 16)
nonPublic.addSubnet('100.64.0.0', 10)
nonPublic.addSubnet('127.0.0.0', 8)
nonPublic.addSubnet('169.254.0.0', 16)
// Not as a subnet, which would contain every IPv4 address.
nonPublic.addAddress('::', 'ipv6')
nonPublic.addSubnet('fc00::', 7, 'ipv6')
nonPublic.addSubnet('fe80::', 10, 'ipv6')

/** Whether a network, as `networkOf` spells it, is not on the Internet, and so more likely a gateway than a client. */
export function isNonPublic(network: string): boolean {
  const [address = ''] = network.split('/')
  return nonPublic.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')
}
