// One planted mistake a run; see CMakeLists.txt. The numbers come from the command line so that no compiler can foresee them.
#include <climits>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>

namespace {

int beyond_the_heap(int one) {
  int* numbers = new int[4]();
  const int found = numbers[3 + one];
  delete[] numbers;
  return found;
}

int after_free(int one) {
  int* number = new int(one);
  delete number;
  return *number;
}

int leak(int one) {
  int* volatile number = new int(one);
  const int found = *number;
  number = nullptr;
  return found;
}

int overflow(int one) { return INT_MAX - 1 + one + one; }

int race(int one) {
  int shared = 0;
  std::thread other([&] { shared += one; });
  shared += one;
  other.join();
  return shared;
}

int run(const std::string& name, int one) {
  if (name == "heap") return beyond_the_heap(one);
  if (name == "freed") return after_free(one);
  if (name == "leak") return leak(one);
  if (name == "overflow") return overflow(one);
  if (name == "race") return race(one);
  return -1;
}

}  // namespace

int main(int argc, char** argv) {
  const int found = argc == 2 ? run(argv[1], argc - 1) : -1;
  std::printf("not caught: %d\n", found);
  return 0;
}
