// pricing-probe PORT PATH: is the process of this container well? Status 0 when PATH answers 200 on 127.0.0.1 within
// three seconds. The images hold no shell and no curl that a health check could use.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: pricing-probe PORT PATH\n", stderr);
    return 2;
  }
  const int s = socket(AF_INET, SOCK_STREAM, 0);
  const timeval limit{.tv_sec = 3, .tv_usec = 0};
  setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<unsigned short>(std::atoi(argv[1])));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(s, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    std::perror("pricing-probe: connect");
    return 1;
  }
  char text[1024];
  const int size =
      std::snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", argv[2]);
  if (size >= static_cast<int>(sizeof text) || send(s, text, static_cast<std::size_t>(size), MSG_NOSIGNAL) != size)
    return 1;
  std::size_t got = 0;
  while (got < 12) {
    const auto n = recv(s, text + got, sizeof text - 1 - got, 0);
    if (n <= 0)
      return 1;
    got += static_cast<std::size_t>(n);
  }
  close(s);
  text[12] = '\0';
  std::puts(text);
  return std::strncmp(text, "HTTP/1.", 7) == 0 && std::strncmp(text + 8, " 200", 4) == 0 ? 0 : 1;
}
