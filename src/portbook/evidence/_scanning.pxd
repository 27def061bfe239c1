cdef class Scanner:
    cdef const unsigned char[::1] data
    cdef unsigned long long[::1] program
    cdef unsigned short[::1] crc
    cdef unsigned long long[::1] crc32

    cdef bint begins(self, Py_ssize_t pc, Py_ssize_t here, Py_ssize_t limit) except -1
    cdef Py_ssize_t run(self, Py_ssize_t pc, Py_ssize_t here, Py_ssize_t stop) except -3
    cdef Py_ssize_t line(self, Py_ssize_t pc, Py_ssize_t here, Py_ssize_t limit, Py_ssize_t bound) except -3
    cdef Py_ssize_t names(self, Py_ssize_t pc, Py_ssize_t here, Py_ssize_t limit, Py_ssize_t short, Py_ssize_t end) except -3
    cdef Py_ssize_t _name(self, Py_ssize_t base, Py_ssize_t here, Py_ssize_t limit, bint netbios, bint first) except -3
    cdef Py_ssize_t frame(self, Py_ssize_t here, Py_ssize_t limit, bint cut) except -3
    cdef unsigned long long read(self, Py_ssize_t at, Py_ssize_t size) noexcept
    cdef unsigned long long little(self, Py_ssize_t at, Py_ssize_t size) noexcept
    cdef Py_ssize_t check(self, Py_ssize_t pc, Py_ssize_t here, Py_ssize_t end, Py_ssize_t limit, Py_ssize_t bound) except -3
    cdef unsigned long long mixed(self, unsigned long long value, unsigned long long place) noexcept
