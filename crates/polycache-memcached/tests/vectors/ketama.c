/* Where libmemcached places keys: three weighted servers, consistent ketama with MD5.
 *
 *   apt-get install gcc libmemcached-dev
 *   gcc ketama.c -lmemcached -lhashkit -o ketama && ./ketama > ketama.tsv
 *
 * Each line: the fleet, the key, the number of its server, with tabs between. Asks no server.
 */
#include <libmemcached/memcached.h>
#include <stdio.h>
#include <string.h>

static void place(const char *fleet, memcached_st *memc) {
  char key[64];
  for (int number = 0; number < 1000; number++) {
    snprintf(key, sizeof key, number % 2 ? "user:%d" : "/page/%d.html", number * 7919);
    printf("%s\t%s\t%u\n", fleet, key, memcached_generate_hash(memc, key, strlen(key)));
  }
}

static memcached_st *fleet(void) {
  memcached_st *memc = memcached_create(NULL);
  memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED, 1);
  return memc;
}

int main(void) {
  printf("# libmemcached %s\n", memcached_lib_version());

  memcached_st *weighted = fleet();
  memcached_server_add_with_weight(weighted, "10.0.1.1", 11211, 600);
  memcached_server_add_with_weight(weighted, "10.0.1.2", 11311, 300);
  memcached_server_add_with_weight(weighted, "cache-3.example.com", 11211, 200);
  place("weighted", weighted);
  memcached_free(weighted);

  memcached_st *equal = fleet();
  memcached_server_add_with_weight(equal, "127.0.0.1", 11211, 1);
  memcached_server_add_with_weight(equal, "127.0.0.1", 11212, 1);
  memcached_server_add_unix_socket_with_weight(equal, "/run/memcached.sock", 1);
  place("equal", equal);
  memcached_free(equal);
  return 0;
}
