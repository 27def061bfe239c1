from portbook.evidence._layout cimport Octet


cdef class Signatures:
    cdef const long long[::1] transports
    cdef const unsigned long long[::1] starts
    cdef const unsigned long long[::1] groups
    cdef const unsigned long long[::1] values
    cdef const unsigned long long[::1] answers
    cdef const unsigned long long[::1] many
    cdef unsigned long long[::1] found
    cdef list bits
    cdef unsigned long long seen
    cdef Py_ssize_t most

    cdef int hit(self, int transport, Octet p, Py_ssize_t size) except -1
    cdef Py_ssize_t _look(self, int transport, Octet p, Py_ssize_t size) except -1
    cdef Py_ssize_t _fitting(self, Py_ssize_t begin, Py_ssize_t end, Octet p, Py_ssize_t size, Py_ssize_t count) except -1
    cdef Py_ssize_t _place(self, unsigned long long value, unsigned long long where) except -2
