// Package audittest helps to test what stores audit logs, and what writes them.
//
// [TestStore] checks an implementation of [audit.Store]:
//
//	func TestStore(t *testing.T) {
//		audittest.TestStore(t, func(t *testing.T) func() audittest.Store {
//			dir := t.TempDir()
//			return func() audittest.Store {
//				s, err := filestore.Open(dir, nil)
//				require.NoError(t, err)
//				return s
//			}
//		})
//	}
//
// [Memory] is a store for tests of programs that append, [Batches] makes valid
// content for stores, and [Tamper] damages a store's files.
package audittest
