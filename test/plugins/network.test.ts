import t from 'tap'
import { isNonPublic, networkOf } from '../../plugins/client-address/network.ts'

t.test('all spellings of an IPv4 address are one client', async (t) => {
  const spellings = [
    '203.0.113.7',
    '203.0.113.7:49152',
    '::ffff:203.0.113.7',
    '::FFFF:203.0.113.7',
    '::ffff:cb00:7107',
    '0:0:0:0:0:ffff:203.0.113.7',
    '0000:0000:0000:0000:0000:ffff:cb00:7107',
    '[::ffff:203.0.113.7]:443',
    '64:ff9b::203.0.113.7',
  ]
  for (const spelling of spellings) t.equal(networkOf(spelling), '203.0.113.7', spelling)
  t.not(networkOf('203.0.113.8'), '203.0.113.7')
})

t.test('all addresses and spellings of an IPv6 /64 network are one client', async (t) => {
  const spellings = [
    '2001:db8:0:1::1',
    '2001:DB8:0:1:0:0:0:1',
    '2001:0db8:0000:0001:ffff:ffff:ffff:ffff',
    '[2001:db8:0:1::2]:443',
    '[2001:db8:0:1::2]',
    '2001:db8:0:1::1%eth0',
    '2001:db8:0:1::203.0.113.7',
  ]
  for (const spelling of spellings) t.equal(networkOf(spelling), '2001:db8:0:1::/64', spelling)
  t.equal(networkOf('2001:db8:0:2::1'), '2001:db8:0:2::/64')
  t.equal(networkOf('::1'), '0:0:0:0::/64')
  t.equal(networkOf('fe80::1%lo'), 'fe80:0:0:0::/64')
})

t.test('anything else is not an address', async (t) => {
  const others = [
    '',
    ' ',
    'unknown',
    '_hidden',
    'localhost',
    '203.0.113',
    '203.0.113.7.1',
    '203.0.113.256',
    '0xcb007107',
    '203.0.113.7:x',
    '203.0.113.7, 203.0.113.8',
    '2001:db8::1::2',
    '2001:db8:0:1::/64',
    '[2001:db8::1',
    '%eth0',
    '203.0.113.7\n',
  ]
  for (const other of others) t.equal(networkOf(other), undefined, JSON.stringify(other))
})

t.test('distinguishes private networks from the Internet', async (t) => {
  const gateways = ['127.0.0.1', '10.1.2.3', '172.16.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1']
  for (const address of [...gateways, '169.254.1.1', '::1', 'fd00::1', 'fe80::1', '::ffff:10.0.0.1']) {
    t.equal(isNonPublic(networkOf(address) ?? ''), true, address)
  }
  for (const address of ['203.0.113.7', '172.32.0.1', '11.0.0.1', '2001:db8::1', '::ffff:203.0.113.7']) {
    t.equal(isNonPublic(networkOf(address) ?? ''), false, address)
  }
})
