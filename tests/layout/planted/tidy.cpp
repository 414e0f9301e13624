// One breach of each check in .clang-tidy. Compiled by no target; tests/layout/tidy_test.py runs clang-tidy over it.
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using std::pair;  // misc-unused-using-decls

#define DOUBLED(x) x + x  // bugprone-macro-parentheses

struct Base {
  virtual ~Base() = default;
  virtual int value() const { return 0; }
  int number = 1;
};

struct Derived : Base {
  virtual int value() const { return 2; }  // modernize-use-override
  int more = 3;
};

class badly_named {  // readability-identifier-naming
 public:
  badly_named(int number) : number_(number) {}  // google-explicit-constructor
  int number() const { return number_ + other_; }

 private:
  int number_;
  int other_;  // cppcoreguidelines-pro-type-member-init
};

std::string_view dangling() {
  std::string_view view = std::string("gone");  // bugprone-dangling-handle
  return view;
}

void endless() {
  int i = 0;
  int j = 0;
  while (i < 10) {  // bugprone-infinite-loop
    ++j;
  }
}

double third(int a) { return a / 3; }                          // bugprone-integer-division
std::size_t size_of() { return sizeof(sizeof(int)); }           // bugprone-sizeof-expression
std::string letters() { return std::string('x', 50); }          // bugprone-string-constructor
void clear(int* out) { std::memset(out, '0', 8); }              // bugprone-suspicious-memset-usage

int unlocked(std::mutex& mutex) {
  std::lock_guard<std::mutex>{mutex};  // bugprone-unused-raii
  return 1;
}

std::size_t moved(std::string text) {
  const std::string other = std::move(text);
  return other.size() + text.size();  // bugprone-use-after-move
}

Base sliced(const Derived& derived) { return derived; }  // cppcoreguidelines-slicing
int* nothing() { return 0; }                             // modernize-use-nullptr

std::size_t copied(const std::vector<std::string>& texts) {
  std::size_t sum = 0;
  for (const std::string text : texts) sum += text.size();  // performance-for-range-copy
  const std::string first = texts.front();                  // performance-unnecessary-copy-initialization
  return sum + first.size();
}

void take(int number);
void moved_for_nothing() {
  const int number = 1;
  take(std::move(number));  // performance-move-const-arg
}

int long_function(int x) {  // readability-function-size
  x += 1;
  x += 2;
  x += 3;
  x += 4;
  x += 5;
  x += 6;
  x += 7;
  x += 8;
  x += 9;
  x += 10;
  x += 11;
  x += 12;
  x += 13;
  x += 14;
  x += 15;
  x += 16;
  x += 17;
  x += 18;
  x += 19;
  x += 20;
  x += 21;
  x += 22;
  x += 23;
  x += 24;
  x += 25;
  x += 26;
  x += 27;
  x += 28;
  x += 29;
  x += 30;
  x += 31;
  x += 32;
  x += 33;
  x += 34;
  x += 35;
  x += 36;
  x += 37;
  x += 38;
  x += 39;
  x += 40;
  x += 41;
  x += 42;
  x += 43;
  x += 44;
  x += 45;
  x += 46;
  x += 47;
  x += 48;
  x += 49;
  x += 50;
  x += 51;
  x += 52;
  x += 53;
  x += 54;
  x += 55;
  x += 56;
  x += 57;
  x += 58;
  x += 59;
  x += 60;
  x += 61;
  x += 62;
  x += 63;
  x += 64;
  x += 65;
  x += 66;
  x += 67;
  x += 68;
  x += 69;
  x += 70;
  x += 71;
  x += 72;
  return x;
}
