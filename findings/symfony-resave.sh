#!/usr/bin/env bash
# Symfony Cache 5.4.53 (PHP): an item that is read, changed and saved again has lost its TTL and its tags.
#
# Expected: getItem() gives an object that has a lifetime and tags, which were set on it by expiresAfter() and tag(). What is
#   changed with set() is its value; save() stores the item as it is.
# Seen: a fetched item knows neither. After save() it lives for the adapter's default lifetime, which is for ever unless set, and
#   invalidateTags() doesn't reach it. getMetadata() of the fetched item still lists the tags (and the expiry, if get() with a
#   callback has stored it), so it looks as if they were there.
# Who meets it: a counter, a list or a session in a PSR-6 pool that is read, added to and saved: the first one to do so makes it
#   stay, and the invalidation by tag, upon a change of the user's rights, leaves it.
# Instead: call expiresAfter() and tag() before each save().
source "$(dirname "$0")/lib.bash"

debian_packages php8.2-cli=8.2.32-1~deb12u1 php8.2-common=8.2.32-1~deb12u1 php-symfony-cache=5.4.53+dfsg-0+deb12u1 \
  php-symfony-cache-contracts=2.5.5-0+deb12u1 php-symfony-service-contracts=2.5.5-0+deb12u1 php-psr-cache=1.0.1-3 php-psr-log=1.1.4-2
cat > "$tmp/main.php" <<'PHP'
<?php
use Symfony\Component\Cache\Adapter\{FilesystemAdapter, TagAwareAdapter};

spl_autoload_register(function ($class) {
    $file = __DIR__.'/deb/usr/share/php/'.strtr($class, '\\', '/').'.php';
    if (is_file($file)) require $file;
});
$seen = [];
foreach (['as it was saved' => false, 'saved again' => true] as $name => $again) {
    $pool = new TagAwareAdapter(new FilesystemAdapter(strtr($name, ' ', '-'), 0, __DIR__.'/pool'));
    foreach (['short' => 2, 'tagged' => 3600] as $key => $seconds) {
        $item = $pool->getItem($key);
        $pool->save($item->set(['one'])->expiresAfter($seconds)->tag('user-7'));
        $item = $pool->getItem($key);
        $tags = array_keys($item->getMetadata()['tags']);
        if ($again) $pool->save($item->set([...$item->get(), 'two']));
    }
    $pool->invalidateTags(['user-7']);
    $tagged = $pool->hasItem('tagged');
    $pool = new TagAwareAdapter(new FilesystemAdapter(strtr($name, ' ', '-').'-time', 0, __DIR__.'/pool'));
    $pool->save($pool->getItem('short')->set(['one'])->expiresAfter(2));
    if ($again) $pool->save($pool->getItem('short')->set(['one', 'two']));
    sleep(3);
    $seen[] = $now = [$tagged, $pool->hasItem('short')];
    printf("%s, its tags by getMetadata() %s: is there after invalidateTags: %s, after its 2 seconds: %s\n", $name, implode($tags),
        ...array_map('var_export', $now, [true, true]));
}
exit($seen === [[false, false], [true, true]] ? 0 : 1);
PHP
"$tmp/deb/usr/bin/php8.2" -n "$tmp/main.php"
