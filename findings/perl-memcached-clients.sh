#!/usr/bin/env bash
# Cache::Memcached 1.30, ::Fast 0.28, ::libmemcached 0.04001 (Perl): delete(key, 10) deletes nothing; incr by -1 is one less, nothing or 2^32 - 1 more.
#
# Expected: the documentation of the first: delete($key, $time) deletes and keeps new writes out for that time. The other two are
#   drop-in replacements of it. incr by -1 is refused or one less.
# Seen: memcached takes no time for delete any more. With the first and the third the old value stays and delete() is false, as for
#   a key that is missing; Fast deletes, with a warning. incr($key, -1) of 9 is undef and still 9 with the first, 8 with
#   Fast, and 4294967304 with the third.
# Who meets it: old code that deletes with a time against a race: it reads the old value until its end; a stock that is counted down.
# Instead: delete($key) alone; decr($key, 1).
source "$(dirname "$0")/lib.bash"

debian_packages libcache-memcached-perl=1.30-1.1 libstring-crc32-perl=2.100-2 libcache-memcached-fast-perl=0.28-2 \
  libcache-memcached-libmemcached-perl=0.04001-3 libmemcached-libmemcached-perl=1.001801+dfsg-4 libmemcached11=1.1.4-1 libhashkit2=1.1.4-1 \
  libmemcachedutil2=1.1.4-1 memcached=1.6.18-1 libevent-2.1-7=2.1.12-stable-8
start_memcached
PERL5LIB=$tmp/deb/usr/lib/x86_64-linux-gnu/perl5/5.36:$tmp/deb/usr/share/perl5 perl - "$port" <<'PERL'
use strict;
use warnings;

local $SIG{__WARN__} = sub { };
my %expected = (
    'Cache::Memcached'               => ['false', 'old', 'undef 9'],
    'Cache::Memcached::Fast'         => ['true', 'undef', '8 8'],
    'Cache::Memcached::libmemcached' => ['false', 'old', '4294967304 4294967304'],
);
sub text { defined $_[0] ? $_[0] : 'undef' }
my $wrong = 0;
for my $module (sort keys %expected) {
    eval "require $module; 1" or die $@;
    my $client = $module->new({ servers => ["127.0.0.1:$ARGV[0]"] });
    $client->set('k', 'old');
    my @seen = ($client->delete('k', 10) ? 'true' : 'false', text($client->get('k')));
    $client->set('n', 9);
    push @seen, text($client->incr('n', -1)) . ' ' . text($client->get('n'));
    $client->set('k', 'old');
    $wrong = 1 unless $client->delete('k') && !defined $client->get('k');
    printf "%s: delete with a time is %s, then get %s; incr of 9 by -1 and get: %s\n", $module, @seen;
    $wrong = 1 unless "@seen" eq "@{$expected{$module}}";
}
exit $wrong;
PERL
