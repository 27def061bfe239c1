from portbook.evidence._layout cimport Words

cdef class Keys:
    cdef unsigned long long[::1] slots
    cdef unsigned long long[::1] hot
    cdef unsigned long long[::1] hand
    cdef const unsigned char[::1] tunnels
    cdef unsigned long long seed
    cdef unsigned long long mask
    cdef unsigned long long slot
    cdef unsigned long long seen
    cdef unsigned long long share
    cdef unsigned long long shares
    cdef readonly Py_ssize_t rows

    cdef bint ends(self, Py_ssize_t h, unsigned long long a_high, unsigned long long a, unsigned long long a_port, unsigned long long b_high, unsigned long long b, unsigned long long b_port, unsigned long long key) except -1
    cdef unsigned long long mixed(self, Words words) noexcept
    cdef unsigned long long drawn(self, Words words, unsigned long long of) noexcept
    cdef Py_ssize_t met(self, unsigned long long mix) except -1
    cdef Py_ssize_t find(self, Py_ssize_t h) except -2
    cdef int enter(self, Py_ssize_t h, Py_ssize_t row) except -1
    cdef int rehash(self, Py_ssize_t size) except -1
    cdef bint tunnelled(self, unsigned long long key) except -1
